const CONTINUED = 0x80;
const LONGEST_BYTES = 9;
const SIGN_BIT_FREE = 2 ** 31;

/** Largest whole number that `uint` takes: as a signed one it still has room for its sign. */
export const LARGEST_WHOLE = 2 ** 51;

const floats = new Float64Array(1);
const floatBytes = new Uint8Array(floats.buffer);

/** Numbers in as few bytes as they need: seven bits a byte, the lowest first. */
export class ByteWriter {
  private bytes = new Uint8Array(16 * 1024);
  private at = 0;

  uint(value: number): void {
    this.reserve();
    let rest = value;
    while (rest >= SIGN_BIT_FREE) {
      this.bytes[this.at++] = (rest % CONTINUED) | CONTINUED;
      rest = Math.floor(rest / CONTINUED);
    }
    while (rest >= CONTINUED) {
      this.bytes[this.at++] = (rest & (CONTINUED - 1)) | CONTINUED;
      rest >>>= 7;
    }
    this.bytes[this.at++] = rest;
  }

  /** Small differences of either sign take one byte. */
  int(value: number): void {
    this.uint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  float(value: number): void {
    this.reserve();
    floats[0] = value;
    this.bytes.set(floatBytes, this.at);
    this.at += floatBytes.length;
  }

  /** What was written since the last take; valid until the next write. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.at);
    this.at = 0;
    return taken;
  }

  private reserve(): void {
    if (this.at + LONGEST_BYTES <= this.bytes.length) return;
    const larger = new Uint8Array(this.bytes.length * 2);
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** The reverse of `ByteWriter`. */
export class ByteReader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  uint(): number {
    let value = 0;
    let weight = 1;
    for (;;) {
      const byte = this.bytes[this.at++] ?? 0;
      if (byte < CONTINUED) return value + byte * weight;
      value += (byte - CONTINUED) * weight;
      weight *= CONTINUED;
    }
  }

  int(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  float(): number {
    floatBytes.set(this.bytes.subarray(this.at, this.at + floatBytes.length));
    this.at += floatBytes.length;
    return floats[0] ?? 0;
  }
}
