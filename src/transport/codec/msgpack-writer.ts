import { MAX_DEPTH } from "../limits.ts";

/** Messages are cut from chunks of this size, so that few buffers are made. */
const CHUNK_BYTES = 64 * 1024;
/** Texts up to this length are written here; for longer ones the encoder's start is worth it. */
const SHORT_TEXT = 48;
const MAX_NUMBER_BYTES = 9;
const MAX_HEADER_BYTES = 5;
const MAX_UTF8_PER_UNIT = 3;

/** Why a value cannot be a message. */
export type Unwritable = "too_deep" | "too_large";

class Refused extends Error {
  readonly why: Unwritable;
  constructor(why: Unwritable) {
    super(why);
    this.why = why;
  }
}

/**
 * Writes values as plain MessagePack, so that any reader understands them, and refuses what nests too deeply or grows too large
 * on the way. Absent fields are left out, as in JSON. A writer is used again and again; what it gave away stays as it is.
 */
export class MsgpackWriter {
  private readonly encoder = new TextEncoder();
  private readonly maxBytes: number;
  private bytes = new Uint8Array(CHUNK_BYTES);
  private view = new DataView(this.bytes.buffer);
  private from = 0;
  private at = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** `n` and the fields of a frame as one map. */
  write(n: number, frame: object): Uint8Array | Unwritable {
    this.at = this.from;
    try {
      this.header(presentFields(frame) + 1, MAP);
      this.short("n");
      this.number(n);
      this.fields(frame, 1);
      if (this.at - this.from > this.maxBytes) return "too_large";
    } catch (error) {
      if (error instanceof Refused) return error.why;
      throw error;
    }
    const message = this.bytes.subarray(this.from, this.at);
    this.from = this.at;
    return message;
  }

  private value(value: unknown, level: number): void {
    if (typeof value === "string") this.text(value);
    else if (typeof value === "number") this.number(value);
    else if (typeof value === "object" && value !== null) this.container(value, level + 1);
    else this.byte(value === true ? 0xc3 : value === false ? 0xc2 : 0xc0);
  }

  private container(value: object, level: number): void {
    if (level > MAX_DEPTH) throw new Refused("too_deep");
    if (!Array.isArray(value)) {
      this.header(presentFields(value), MAP);
      this.fields(value, level);
      return;
    }
    this.header(value.length, LIST);
    for (const item of value) this.value(item, level);
  }

  private fields(value: object, level: number): void {
    for (const key in value) {
      const field = (value as Record<string, unknown>)[key];
      if (field === undefined) continue;
      this.text(key);
      this.value(field, level);
    }
  }

  private header(count: number, kind: Kind): void {
    this.reserve(MAX_HEADER_BYTES);
    if (count < 16) {
      this.byte(kind.short | count);
    } else if (count < 0x10000) {
      this.byte(kind.token16);
      this.view.setUint16(this.advance(2), count);
    } else {
      this.byte(kind.token16 + 1);
      this.view.setUint32(this.advance(4), count);
    }
  }

  private number(value: number): void {
    this.reserve(MAX_NUMBER_BYTES);
    const { view } = this;
    if (value >>> 0 === value) return this.unsigned(value);
    if (value >> 0 !== value) {
      this.bytes[this.at] = 0xcb;
      view.setFloat64(this.at + 1, value);
      this.at += 9;
    } else if (value >= -0x20) {
      this.byte(0x100 + value);
    } else if (value >= -0x80) {
      this.byte(0xd0);
      view.setInt8(this.advance(1), value);
    } else if (value >= -0x8000) {
      this.byte(0xd1);
      view.setInt16(this.advance(2), value);
    } else {
      this.byte(0xd2);
      view.setInt32(this.advance(4), value);
    }
  }

  private unsigned(value: number): void {
    if (value < 0x80) {
      this.byte(value);
    } else if (value < 0x100) {
      this.byte(0xcc);
      this.byte(value);
    } else if (value < 0x10000) {
      this.byte(0xcd);
      this.view.setUint16(this.advance(2), value);
    } else {
      this.byte(0xce);
      this.view.setUint32(this.advance(4), value);
    }
  }

  private text(text: string): void {
    if (text.length > SHORT_TEXT || !this.short(text)) this.long(text);
  }

  /** False, and nothing written, for a text that is not ASCII. */
  private short(text: string): boolean {
    const { length } = text;
    this.reserve(MAX_HEADER_BYTES + length);
    const { bytes } = this;
    let at = this.at;
    if (length < 32) {
      bytes[at++] = 0xa0 | length;
    } else {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    }
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) return false;
      bytes[at++] = unit;
    }
    this.at = at;
    return true;
  }

  private long(text: string): void {
    this.reserve(MAX_HEADER_BYTES + text.length * MAX_UTF8_PER_UNIT);
    const start = this.at + MAX_HEADER_BYTES;
    const { written } = this.encoder.encodeInto(text, this.bytes.subarray(start));
    if (written < 32) {
      this.byte(0xa0 | written);
    } else if (written < 0x100) {
      this.byte(0xd9);
      this.byte(written);
    } else if (written < 0x10000) {
      this.byte(0xda);
      this.view.setUint16(this.advance(2), written);
    } else {
      this.byte(0xdb);
      this.view.setUint32(this.advance(4), written);
    }
    this.bytes.copyWithin(this.at, start, start + written);
    this.at += written;
  }

  private byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at] = value;
    this.at += 1;
  }

  private advance(size: number): number {
    const at = this.at;
    this.at = at + size;
    return at;
  }

  /** Makes room: what is begun moves to the start of a new chunk. */
  private reserve(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    const begun = this.at - this.from;
    if (begun > this.maxBytes) throw new Refused("too_large");
    const chunk = new Uint8Array(Math.max(CHUNK_BYTES, 2 * (begun + size)));
    chunk.set(this.bytes.subarray(this.from, this.at));
    this.bytes = chunk;
    this.view = new DataView(chunk.buffer);
    this.from = 0;
    this.at = begun;
  }
}

interface Kind {
  /** First byte of a container with fewer than 16 entries. */
  short: number;
  /** Token of a length of two bytes; the next one has four. */
  token16: number;
}
const MAP: Kind = { short: 0x80, token16: 0xde };
const LIST: Kind = { short: 0x90, token16: 0xdc };

function presentFields(value: object): number {
  let count = 0;
  for (const key in value) if ((value as Record<string, unknown>)[key] !== undefined) count += 1;
  return count;
}
