/** Lets others wait until something about an object's state is true. */
export class Condition {
  private readonly waiting = new Set<{ holds: () => boolean; resolve: () => void }>();

  /** Resolves once `holds` gives true, at once or after one of the coming changes. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.add({ holds, resolve });
    return promise;
  }

  /** To be called after each change. */
  changed(): void {
    for (const one of this.waiting) {
      if (!one.holds()) continue;
      this.waiting.delete(one);
      one.resolve();
    }
  }
}
