import { err, ok } from "../../base/index.ts";
import type { Result } from "../../base/index.ts";
import { MAX_DEPTH } from "../limits.ts";

const BINARY = "binary and extension types are not used in frames";
const ENDS_EARLY = "the bytes end before the value does";

/** Texts up to this length are built here; for longer ones the decoder's start is worth it. */
const SHORT_TEXT = 64;
const KNOWN_TEXTS = 512;

class Unreadable extends Error {}

/**
 * Reads one value of the subset of MessagePack that frames use, and checks it on the way: keys are text, nothing nests deeper
 * than the limit, and binary and extension types do not occur. So the value is plain data. A reader is used again and again.
 */
export class MsgpackReader {
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** Short ASCII texts met before, by a hash of their bytes: keys and ids come again and again. */
  private readonly known: string[] = Array.from({ length: KNOWN_TEXTS }, () => "");
  /** Room for the characters of a short text, by its length. */
  private readonly units = Array.from({ length: SHORT_TEXT + 1 }, (_, length) => Array.from({ length }, () => 0));
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.bytes.buffer);
  private at = 0;

  /** The value, or what is wrong with the bytes. */
  read(bytes: Uint8Array): Result<unknown, string> {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    try {
      const value = this.value(0);
      return this.at === bytes.length ? ok(value) : err("bytes follow the value");
    } catch (error) {
      if (error instanceof Unreadable) return err(error.message);
      throw error;
    }
  }

  /** `level` counts the containers around the value. */
  private value(level: number): unknown {
    const token = this.bytes[this.skip(1)] ?? 0;
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    if (token >= 0xc0) return this.sized(token, level);
    if (token >= 0xa0) return this.text(token & 0x1f);
    return token < 0x90 ? this.map(token & 0x0f, level + 1) : this.list(token & 0x0f, level + 1);
  }

  private sized(token: number, level: number): unknown {
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.view.getFloat32(this.skip(4));
      case 0xcb:
        return this.view.getFloat64(this.skip(8));
      case 0xdc:
      case 0xdd:
        return this.list(this.count(2 << (token - 0xdc)), level + 1);
      case 0xde:
      case 0xdf:
        return this.map(this.count(2 << (token - 0xde)), level + 1);
      default:
        return this.numberOrText(token);
    }
  }

  private numberOrText(token: number): unknown {
    if (token >= 0xcc && token <= 0xce) return this.count(1 << (token - 0xcc));
    if (token >= 0xd9 && token <= 0xdb) return this.text(this.count(1 << (token - 0xd9)));
    switch (token) {
      case 0xcf:
        return Number(this.view.getBigUint64(this.skip(8)));
      case 0xd0:
        return this.view.getInt8(this.skip(1));
      case 0xd1:
        return this.view.getInt16(this.skip(2));
      case 0xd2:
        return this.view.getInt32(this.skip(4));
      case 0xd3:
        return Number(this.view.getBigInt64(this.skip(8)));
      default:
        throw new Unreadable(BINARY);
    }
  }

  private list(length: number, level: number): unknown[] {
    if (level > MAX_DEPTH) throw new Unreadable(TOO_DEEP);
    const list: unknown[] = [];
    for (let index = 0; index < length; index += 1) list.push(this.value(level));
    return list;
  }

  private map(size: number, level: number): Record<string, unknown> {
    if (level > MAX_DEPTH) throw new Unreadable(TOO_DEEP);
    const map: Record<string, unknown> = {};
    for (let index = 0; index < size; index += 1) {
      const key = this.key();
      // As a key of plain data it would be lost, or worse.
      map[key === "__proto__" ? "__proto_" : key] = this.value(level);
    }
    return map;
  }

  private key(): string {
    const token = this.bytes[this.skip(1)] ?? 0;
    if (token >= 0xa0 && token < 0xc0) return this.text(token & 0x1f);
    if (token >= 0xd9 && token <= 0xdb) return this.text(this.count(1 << (token - 0xd9)));
    throw new Unreadable("a key of a map is not text");
  }

  private text(length: number): string {
    const from = this.skip(length);
    if (length > SHORT_TEXT) return this.decode(from, length);
    if (length === 0) return "";
    const { bytes } = this;
    const middle = bytes[from + (length >> 1)] ?? 0;
    const last = bytes[from + length - 1] ?? 0;
    const before = bytes[from + length - 2] ?? 0;
    const slot = (length + middle * 5 + last * 31 + before * 113) & (KNOWN_TEXTS - 1);
    const known = this.known[slot] ?? "";
    if (known.length === length && this.isAt(known, from)) return known;
    const text = this.short(from, length);
    if (text === null) return this.decode(from, length);
    this.known[slot] = text;
    return text;
  }

  private isAt(text: string, from: number): boolean {
    const { bytes } = this;
    for (let index = text.length - 1; index >= 0; index -= 1) {
      if (text.charCodeAt(index) !== bytes[from + index]) return false;
    }
    return true;
  }

  /** Null for a text that is not ASCII. */
  private short(from: number, length: number): string | null {
    const { bytes } = this;
    const units = this.units[length] ?? [];
    for (let index = 0; index < length; index += 1) {
      const byte = bytes[from + index] ?? 0;
      if (byte >= 0x80) return null;
      units[index] = byte;
    }
    return String.fromCharCode(...units);
  }

  private decode(from: number, length: number): string {
    return this.decoder.decode(this.bytes.subarray(from, from + length));
  }

  /** Where the next `size` bytes begin; they are passed over. */
  private skip(size: number): number {
    const from = this.at;
    if (size > this.bytes.length - from) throw new Unreadable(ENDS_EARLY);
    this.at = from + size;
    return from;
  }

  /** An unsigned number of 1, 2 or 4 bytes. */
  private count(size: number): number {
    const from = this.skip(size);
    if (size === 1) return this.view.getUint8(from);
    return size === 2 ? this.view.getUint16(from) : this.view.getUint32(from);
  }
}

const TOO_DEEP = `it nests deeper than ${MAX_DEPTH} levels`;
