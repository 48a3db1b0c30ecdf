import { constants } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { errorMessage } from "../../base/index.ts";
import { MAX_PAYLOAD_CHARACTERS } from "../../contracts/index.ts";
import type { ExecutionContext } from "../executor.ts";
import type { CarriedProgress } from "./carried-progress.ts";
import { RegularLook } from "../regular-look.ts";

const LOOK_INTERVAL_MS = 2_000;
/** In UTF-8 a character of a text takes at most three bytes for each of its units. */
const MAX_BYTES = 3 * MAX_PAYLOAD_CHARACTERS;

/**
 * The file in which a command finds what an earlier attempt left, and leaves what the next one needs. It is read every 2 s while
 * the command runs, and at its end.
 */
export class ProgressFile {
  private readonly path: string;
  private readonly context: ExecutionContext;
  private readonly carried: CarriedProgress;
  /** What was read last: the same again is not reported again. */
  private seen: string;
  private changedAtMs = 0;
  private complaint = "";
  private readonly looks: RegularLook;

  private constructor(path: string, context: ExecutionContext, carried: CarriedProgress) {
    this.path = path;
    this.context = context;
    this.carried = carried;
    this.seen = carried.text;
    this.looks = new RegularLook({ clock: context.clock, intervalMs: LOOK_INTERVAL_MS, look: () => this.look() });
  }

  static async create(path: string, context: ExecutionContext, carried: CarriedProgress): Promise<ProgressFile> {
    await writeFile(path, carried.text);
    return new ProgressFile(path, context, carried);
  }

  /** Stops looking; with `report` after a last look. A second call does nothing. */
  async close({ report }: { report: boolean }): Promise<void> {
    if (this.looks.stopped) return;
    await this.looks.stop();
    this.changedAtMs = 0;
    if (report) await this.look();
  }

  private async look(): Promise<void> {
    try {
      const text = await this.read();
      if (text === undefined || text === this.seen) return;
      this.seen = text;
      this.carried.setText(text);
    } catch (error) {
      const complaint = errorMessage(error);
      if (complaint !== this.complaint) this.context.log("stderr", `[the progress file is ignored: ${complaint}]\n`);
      this.complaint = complaint;
    }
  }

  /** Undefined when it has not changed. @throws when it is not a text of the allowed size. */
  private async read(): Promise<string | undefined> {
    // A link or a pipe planted by the command must neither lead elsewhere nor block.
    const handle = await open(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new Error("it is not a plain file");
      if (stat.mtimeMs === this.changedAtMs) return undefined;
      this.changedAtMs = stat.mtimeMs;
      const { buffer, bytesRead } = await handle.read(new Uint8Array(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
      return payloadOf(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  }
}

function payloadOf(bytes: Uint8Array): string {
  const tooLarge = new Error(`it has more than ${MAX_PAYLOAD_CHARACTERS} characters`);
  // Cut off, it may end within a character.
  if (bytes.length > MAX_BYTES) throw tooLarge;
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  if (text.length > MAX_PAYLOAD_CHARACTERS) throw tooLarge;
  return text;
}
