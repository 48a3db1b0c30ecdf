import type { JsonObject } from "../../../base/index.ts";
import type { TensorData } from "../../../models/index.ts";

/** A tensor on its way to Python; `data` in this machine's byte order, row by row. */
export interface RawTensor {
  readonly type: TensorData["type"];
  readonly dims: readonly number[];
  readonly data: ArrayBufferView;
}

/** What Python sent: its words, and tensors by name. */
export interface Frame {
  readonly header: JsonObject;
  readonly tensors: Readonly<Record<string, TensorData>>;
}

/** Lengths of header and body, 4 and 8 bytes. */
const LENGTHS_BYTES = 12;

interface TensorSpec {
  readonly name: string;
  readonly type: TensorData["type"];
  readonly dims: readonly number[];
}

/**
 * A frame as pieces to be written one after the other: the lengths of header and body (4 and 8 bytes, little endian), a JSON header, the
 * tensors' bytes. `frames.py` is the other side.
 */
export function encodeFrame(header: JsonObject, tensors: Readonly<Record<string, RawTensor>> = {}): Uint8Array[] {
  const specs = Object.entries(tensors).map(([name, { type, dims }]) => ({ name, type, dims: [...dims] }));
  const bodies = Object.values(tensors).map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  const text = Buffer.from(JSON.stringify({ ...header, tensors: specs }));
  const lengths = Buffer.alloc(LENGTHS_BYTES);
  lengths.writeUInt32LE(text.byteLength, 0);
  lengths.writeBigUInt64LE(BigInt(bodies.reduce((sum, body) => sum + body.byteLength, 0)), 4);
  return [lengths, text, ...bodies];
}

/** Puts frames together from what a pipe delivers. */
export class FrameReader {
  private chunks: Uint8Array[] = [];
  private available = 0;
  private readonly take: (frame: Frame) => void;

  constructor(take: (frame: Frame) => void) {
    this.take = take;
  }

  push(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.available += chunk.byteLength;
    for (let size = this.nextSize(); size !== undefined && this.available >= size; size = this.nextSize()) {
      const bytes = this.joined();
      this.chunks = [bytes.subarray(size)];
      this.available -= size;
      this.take(decodeFrame(bytes.subarray(0, size)));
    }
  }

  /** Of the frame that has begun; undefined until its lengths are here. */
  private nextSize(): number | undefined {
    if (this.available < LENGTHS_BYTES) return undefined;
    if ((this.chunks[0]?.byteLength ?? 0) < LENGTHS_BYTES) this.chunks = [this.joined()];
    const lengths = Buffer.from((this.chunks[0] as Uint8Array).subarray(0, LENGTHS_BYTES));
    return LENGTHS_BYTES + lengths.readUInt32LE(0) + Number(lengths.readBigUInt64LE(4));
  }

  private joined(): Uint8Array {
    return this.chunks.length === 1 ? (this.chunks[0] as Uint8Array) : Buffer.concat(this.chunks);
  }
}

function decodeFrame(bytes: Uint8Array): Frame {
  const headerEnd = LENGTHS_BYTES + Buffer.from(bytes.subarray(0, LENGTHS_BYTES)).readUInt32LE(0);
  const header = JSON.parse(Buffer.from(bytes.subarray(LENGTHS_BYTES, headerEnd)).toString()) as JsonObject;
  const tensors: Record<string, TensorData> = {};
  let offset = headerEnd;
  for (const { name, type, dims } of (header["tensors"] ?? []) as unknown as TensorSpec[]) {
    const end = offset + dims.reduce((product, dim) => product * dim, 1) * (type === "int64" ? 8 : 4);
    // Copied, because numbers must begin at a multiple of their size.
    const { buffer } = Uint8Array.from(bytes.subarray(offset, end));
    tensors[name] =
      type === "int64"
        ? { type, dims, data: new BigInt64Array(buffer) }
        : { type, dims, data: new Float32Array(buffer) };
    offset = end;
  }
  return { header, tensors };
}
