/** What the kernel is to limit for one attempt. */
export interface GroupLimits {
  /** Cores. */
  cpu?: number;
  memoryBytes?: number;
  /** Threads count too. */
  processes?: number;
}

export type GroupLimitName = keyof GroupLimits;

/** A control group of one attempt: the kernel limits all processes in it together, wherever they move. */
export interface ControlGroup {
  /** Files into which a process writes `0` to enter, before it becomes the command. */
  readonly entrances: readonly string[];
  /** Limits that the kernel took. */
  readonly enforced: readonly GroupLimitName[];
  /** Processes killed for want of memory in it. */
  oomKills(): number;
  /** Limits that were run into so far. */
  exceeded(): GroupLimitName[];
  members(): number[];
  /** Kills all members at once, however fast they start others. */
  kill(): void;
  /** Removes the group, which must be empty by then; false when the kernel still keeps it. */
  remove(): boolean;
}

/** Makes control groups below that of this process. */
export interface ControlGroups {
  /** What they can limit here, found out by making one. Empty when this process may not make any. */
  probe(): GroupLimitName[];
  /** `name` is for one attempt alone. Undefined when it cannot be made. */
  create(name: string, limits: GroupLimits): ControlGroup | undefined;
  /** Ends what is in groups of earlier workers whose names begin so, and removes them. */
  clear(prefix: string): void;
}
