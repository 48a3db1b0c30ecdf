import { distinct } from "../test-runner.mjs";

/** How a report names what it tells of. */
export interface ReportedName {
  /** Any of these may be how the program lists it. */
  names: readonly string[];
  /** What it is in: a program may list these and report what is in them. */
  within: readonly string[];
  /** For people. */
  label: string;
}

/** Finds what a report tells of among the tests that were asked for. */
export class AskedNames {
  private readonly waiting = new Map<string, string[]>();
  private readonly first = new Map<string, string>();
  private readonly all: readonly string[];
  private readonly seen = new Map<string, number>();
  /** Ids of which, or of tests in which, something was told. */
  readonly told = new Set<string>();

  /** Ids with the names that the program knows; several may have the same. */
  constructor(asked: readonly { id: string; name: string }[]) {
    this.all = asked.map(({ id }) => id);
    for (const { id, name } of asked) {
      this.waiting.set(name, [...(this.waiting.get(name) ?? []), id]);
      if (!this.first.has(name)) this.first.set(name, id);
    }
  }

  /** Its id, and that which was asked for of which it is told, if it is one. */
  find({ names, within, label }: ReportedName): { id: string; asked: string | undefined } {
    for (const name of names) {
      const id = this.waiting.get(name)?.shift();
      if (id !== undefined) return { id: this.mark(id), asked: id };
    }
    const around = within.map((name) => this.first.get(name)).find((id) => id !== undefined);
    const [only] = this.all;
    const asked = around ?? (this.all.length === 1 ? only : undefined);
    const id = distinct(asked === undefined ? label : `${this.mark(asked)} > ${label}`, this.seen);
    return { id, asked };
  }

  missing(): string[] {
    return this.all.filter((id) => !this.told.has(id));
  }

  private mark(id: string): string {
    this.told.add(id);
    return id;
  }
}
