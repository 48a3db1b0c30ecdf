/** What a fuzzer counts, and the first of each kind of failure in words. */
export class Findings {
  frames = 0;
  bodies = 0;
  /** Frames that were taken for good, and results among them that count. */
  accepted = 0;
  results = 0;
  /** How often each operation of the API was answered with each status. */
  answered: Record<string, Record<number, number>> = {};
  crashes = 0;
  acceptedNonsense = 0;
  readonly reports: string[] = [];

  /** Whether an operation of the API ever answered that it did what it was asked. */
  hasWorked(operation: string): boolean {
    return Object.keys(this.answered[operation] ?? {}).some((status) => status.startsWith("2"));
  }

  crash(what: string, error: unknown): void {
    this.crashes += 1;
    this.report("crash", what, error);
  }

  nonsense(what: string, detail: unknown): void {
    this.acceptedNonsense += 1;
    this.report("nonsense", what, detail);
  }

  private report(kind: string, what: string, detail: unknown): void {
    const text = detail instanceof Error ? (detail.stack ?? detail.message) : JSON.stringify(detail);
    if (this.reports.length < 20) this.reports.push(`${kind}: ${what}\n${text.slice(0, 2_000)}`);
  }
}
