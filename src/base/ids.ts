declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A run, unique in one coordinator's journal. */
export type RunId = Branded<"RunId">;
/** A task, unique in its run. */
export type TaskId = Branded<"TaskId">;
/** A worker, kept across its restarts. */
export type WorkerId = Branded<"WorkerId">;

/** Brands a string that a schema has checked. */
export const asRunId = (text: string): RunId => text as RunId;
export const asTaskId = (text: string): TaskId => text as TaskId;
export const asWorkerId = (text: string): WorkerId => text as WorkerId;
