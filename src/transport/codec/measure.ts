/** What a value will roughly need on the wire, and how deep it nests. */
export interface Measure {
  /** Objects and lists inside each other; at most `maxDepth + 1`, where measuring stops. */
  readonly depth: number;
  /** About the encoded size: close for ASCII text, too small for other text. */
  readonly bytes: number;
}

/** Walks a JSON-like value once. The recursion is bounded by `maxDepth`. */
export function measure(value: unknown, maxDepth: number): Measure {
  const meter = new Meter(maxDepth);
  meter.add(value, 0);
  return meter;
}

class Meter implements Measure {
  depth = 0;
  bytes = 0;
  private readonly maxDepth: number;

  constructor(maxDepth: number) {
    this.maxDepth = maxDepth;
  }

  add(value: unknown, level: number): void {
    if (typeof value === "string") this.bytes += value.length + 2;
    else if (typeof value === "object" && value !== null) this.addContainer(value, level + 1);
    else this.bytes += 6;
  }

  private addContainer(value: object, level: number): void {
    this.bytes += 3;
    if (level > this.depth) this.depth = level;
    if (level > this.maxDepth) return;
    if (Array.isArray(value)) {
      for (const item of value) this.add(item, level);
      return;
    }
    for (const key of Object.keys(value)) {
      this.bytes += key.length + 2;
      this.add(Reflect.get(value, key), level);
    }
  }
}
