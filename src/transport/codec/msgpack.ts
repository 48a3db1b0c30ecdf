import { Packr } from "msgpackr";
import { MAX_DEPTH } from "../limits.ts";

/**
 * Plain MessagePack, so that any reader understands it: maps rather than msgpackr's records, and no extension types.
 * `skipValues` leaves out absent fields, as JSON does; msgpackr knows it and does not declare it.
 */
const options: ConstructorParameters<typeof Packr>[0] & { skipValues: unknown[] } = {
  useRecords: false,
  skipValues: [undefined],
  useToJSON: false,
  int64AsType: "number",
};
const packr = new Packr(options);

export function packMessage(value: object): Uint8Array {
  return packr.pack(value);
}

/** Reads one value that `msgpackProblem` found nothing wrong with. */
export function unpackMessage(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

/**
 * Looks through the bytes without building anything: what keeps them from being one value of the subset that frames use, or
 * null. Keys are text, nothing nests deeper than the limit, and binary and extension types, with which msgpackr would build
 * more than plain data, do not occur.
 */
export function msgpackProblem(bytes: Uint8Array): string | null {
  return new Skimmer(bytes).problem();
}

/** What a token says about what follows it. */
const BINARY = "binary and extension types are not used in frames";
const ENDS_EARLY = "the bytes end before the value does";

class Skimmer {
  private readonly bytes: Uint8Array;
  private position = 0;
  /** Values still to come on each level; twice the pairs of a map. */
  private readonly left: number[] = [1];
  private readonly isMap: boolean[] = [false];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  problem(): string | null {
    const { left, isMap } = this;
    for (;;) {
      const top = left.length - 1;
      const remaining = left[top] ?? 0;
      if (remaining === 0) {
        if (top === 0) break;
        left.pop();
        isMap.pop();
        continue;
      }
      left[top] = remaining - 1;
      const token = this.bytes[this.position];
      if (token === undefined) return ENDS_EARLY;
      this.position += 1;
      if (isMap[top] === true && remaining % 2 === 0 && !isText(token)) return "a key of a map is not text";
      const problem = this.step(token);
      if (problem !== null) return problem;
    }
    return this.position === this.bytes.length ? null : "bytes follow the value";
  }

  /** Passes over the rest of one token, or opens the container that it begins. */
  private step(token: number): string | null {
    if (token < 0x80 || token >= 0xe0) return null;
    if (token < 0x90) return this.open((token & 0x0f) * 2, true);
    if (token < 0xa0) return this.open(token & 0x0f, false);
    if (token < 0xc0) return this.skip(token & 0x1f);
    switch (token) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return null;
      case 0xca:
        return this.skip(4);
      case 0xcb:
        return this.skip(8);
      case 0xdc:
      case 0xdd:
        return this.open(this.count(2 << (token - 0xdc)), false);
      case 0xde:
      case 0xdf:
        return this.open(this.count(2 << (token - 0xde)) * 2, true);
      default:
        return this.stepSized(token);
    }
  }

  private stepSized(token: number): string | null {
    if (token >= 0xcc && token <= 0xcf) return this.skip(1 << (token - 0xcc));
    if (token >= 0xd0 && token <= 0xd3) return this.skip(1 << (token - 0xd0));
    if (token >= 0xd9 && token <= 0xdb) return this.skip(this.count(1 << (token - 0xd9)));
    return BINARY;
  }

  private skip(size: number): string | null {
    this.position += size;
    return this.position > this.bytes.length ? ENDS_EARLY : null;
  }

  private open(values: number, map: boolean): string | null {
    if (this.left.length > MAX_DEPTH) return `it nests deeper than ${MAX_DEPTH} levels`;
    this.left.push(values);
    this.isMap.push(map);
    return null;
  }

  /** An unsigned number of `size` bytes; past the end it is larger than anything that could follow. */
  private count(size: number): number {
    if (this.position + size > this.bytes.length) return Infinity;
    let value = 0;
    for (let index = 0; index < size; index += 1) value = value * 256 + (this.bytes[this.position + index] ?? 0);
    this.position += size;
    return value;
  }
}

function isText(token: number): boolean {
  return (token >= 0xa0 && token < 0xc0) || (token >= 0xd9 && token <= 0xdb);
}
