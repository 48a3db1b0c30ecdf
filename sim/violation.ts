/** An invariant did not hold. `rule` is its name: S1 to S22 for safety, L1 to L8 for liveness, or `crash` for an exception. */
export class Violation extends Error {
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(`${rule}: ${message}`);
    this.rule = rule;
  }
}

export function demand(holds: unknown, rule: string, message: () => string): asserts holds {
  if (!holds) throw new Violation(rule, message());
}
