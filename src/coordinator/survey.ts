/** What one walk through a JSON-like document finds. */
export interface Survey {
  /**
   * Tells documents apart: the same one gives the same text, another one, but for one chance in 2^64, a different text. Not a
   * secure digest: whoever wants two documents to look the same can make them.
   */
  readonly fingerprint: string;
  /** Objects and lists inside each other; at most one more than `MAX_LEVELS`, where the walk turns back. */
  readonly depth: number;
  /** No encoding in use makes more bytes of it. */
  readonly maxBytes: number;
  /** Whether a key is `__proto__`. */
  readonly hasProto: boolean;
}

/** No document that is accepted anywhere nests as deeply. */
const MAX_LEVELS = 64;
/** The longest that JSON makes of one unit of a text: an escape. */
const MAX_BYTES_PER_UNIT = 6;
/** A number as text, or the quotes, colon and comma around a key and its value. */
const MAX_BYTES_PER_VALUE = 32;

export function survey(document: unknown): Survey {
  const walk = new Walk();
  walk.value(document, 0);
  return walk;
}

/** Looks at documents one after the other: `look` gets what was found in each; the fingerprint is that of all together. */
export function surveyAll(documents: readonly unknown[], look: (found: Survey, index: number) => void): string {
  const walk = new Walk();
  for (const [index, document] of documents.entries()) {
    walk.next();
    walk.value(document, 0);
    look(walk, index);
  }
  return walk.fingerprint;
}

// First units of each kind of value; those of texts are below 2^16.
const TEXT = 0x10000;
const NUMBER = 0x20000;
const NULL = 0x30000;
const TRUE = 0x40000;
const FALSE = 0x50000;
const LIST = 0x60000;
const OBJECT = 0x70000;
const END = 0x80000;

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);

class Walk implements Survey {
  depth = 0;
  maxBytes = 0;
  hasProto = false;
  // Two hashes of 32 bits, in the manner of FNV-1a.
  private one = 0x811c9dc5;
  private other = 0x1b873593;

  get fingerprint(): string {
    return `${avalanche(this.one ^ (this.other >>> 15))}.${avalanche(this.other ^ (this.one >>> 13))}`;
  }

  /** Begins another document; the fingerprint goes on over all of them. */
  next(): void {
    this.depth = 0;
    this.maxBytes = 0;
    this.hasProto = false;
  }

  value(value: unknown, level: number): void {
    this.maxBytes += MAX_BYTES_PER_VALUE;
    if (typeof value === "string") this.text(value);
    else if (typeof value === "number") this.number(value);
    else if (typeof value === "object" && value !== null) this.container(value, level + 1);
    else this.mix(value === true ? TRUE : value === false ? FALSE : NULL);
  }

  private container(value: object, level: number): void {
    if (level > this.depth) this.depth = level;
    if (level > MAX_LEVELS) return;
    if (Array.isArray(value)) {
      this.mix(LIST);
      for (const item of value) this.value(item, level);
    } else {
      this.mix(OBJECT);
      for (const name in value) {
        const field = (value as Record<string, unknown>)[name];
        // As in JSON, an absent field is none.
        if (field === undefined) continue;
        if (name === "__proto__") this.hasProto = true;
        this.text(name);
        this.value(field, level);
      }
    }
    this.mix(END);
  }

  private text(text: string): void {
    const { length } = text;
    this.maxBytes += length * MAX_BYTES_PER_UNIT;
    this.mix(TEXT);
    let { one, other } = this;
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      one = Math.imul(one ^ unit, 0x01000193);
      other = Math.imul(other ^ unit, 0x85ebca6b);
    }
    this.one = one;
    this.other = other;
  }

  private number(value: number): void {
    double[0] = value;
    this.mix(NUMBER);
    this.mix(halves[0] ?? 0);
    this.mix(halves[1] ?? 0);
  }

  private mix(unit: number): void {
    this.one = Math.imul(this.one ^ unit, 0x01000193);
    this.other = Math.imul(this.other ^ unit, 0x85ebca6b);
  }
}

/** Spreads every bit over all (the end of MurmurHash3). */
function avalanche(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
