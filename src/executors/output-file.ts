import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";

/** Most of what is read for the live view in one look; what is older is skipped, and stays in the file. */
const LIVE_WINDOW_BYTES = 64 * 1024;

/**
 * One output stream of a command, as a file that the command writes itself: output never passes through this process's memory,
 * and a process that outlives the command cannot hold it open.
 */
export class OutputFile {
  readonly path: string;
  private readonly handle: FileHandle;
  private readonly decoder = new TextDecoder();
  private seenBytes = 0;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.handle = handle;
  }

  /** Appending, so that a command which opens its standard output anew does not overwrite what it wrote. */
  static async create(path: string): Promise<OutputFile> {
    return new OutputFile(path, await open(path, "a+"));
  }

  /** To be handed to the child as its standard output or error. */
  get descriptor(): number {
    return this.handle.fd;
  }

  async sizeBytes(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  /** What came since the last look, with a note in place of what was too much; empty when nothing came. */
  async news(): Promise<string> {
    const sizeBytes = await this.sizeBytes();
    const skippedBytes = Math.max(0, sizeBytes - this.seenBytes - LIVE_WINDOW_BYTES);
    const from = this.seenBytes + skippedBytes;
    const bytes = await this.read(from, sizeBytes - from);
    this.seenBytes = from + bytes.length;
    const note = skippedBytes === 0 ? "" : `\n[${skippedBytes} bytes left out here]\n`;
    return note + this.decoder.decode(bytes, { stream: true });
  }

  /** The last bytes of the output. */
  async tail(maxBytes: number): Promise<Uint8Array> {
    const sizeBytes = await this.sizeBytes();
    const length = Math.min(sizeBytes, maxBytes);
    return this.read(sizeBytes - length, length);
  }

  /** Cuts off what is beyond. */
  async truncate(maxBytes: number): Promise<void> {
    if ((await this.sizeBytes()) > maxBytes) await this.handle.truncate(maxBytes);
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private async read(position: number, length: number): Promise<Uint8Array> {
    if (length <= 0) return new Uint8Array();
    const { buffer, bytesRead } = await this.handle.read(new Uint8Array(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  }
}
