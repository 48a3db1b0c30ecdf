import { MAX_PAYLOAD_CHARACTERS } from "../../contracts/index.ts";
import type { ExecutionContext, StoredBlob } from "../executor.ts";

/** The first line of a payload that names a checkpoint; what follows is the text of the progress file. */
const MARK = "assay-checkpoint ";
const REFERENCE = /^assay-checkpoint (?:none|([0-9a-f]{64}) (\d{1,15}))\n/;

/** What an attempt leaves for the next one: the text of its progress file, and where its checkpoint is stored. */
export class CarriedProgress {
  text: string;
  checkpoint: StoredBlob | null;
  private readonly context: ExecutionContext;

  constructor(context: ExecutionContext) {
    this.context = context;
    const payload = context.resumed ?? "";
    const [line = "", sha256, size] = REFERENCE.exec(payload) ?? [];
    this.text = payload.slice(line.length);
    this.checkpoint = sha256 === undefined ? null : { sha256, sizeBytes: Number(size) };
  }

  /** @throws when both together are more than a payload may hold */
  setText(text: string): void {
    this.report(text, this.checkpoint);
    this.text = text;
  }

  /** @throws when both together are more than a payload may hold */
  setCheckpoint(checkpoint: StoredBlob): void {
    this.report(this.text, checkpoint);
    this.checkpoint = checkpoint;
  }

  private report(text: string, checkpoint: StoredBlob | null): void {
    const payload = payloadOf(text, checkpoint);
    if (payload.length > MAX_PAYLOAD_CHARACTERS) {
      const beside = checkpoint === null ? "" : ", with the reference of the checkpoint beside it";
      throw new Error(`it has more than ${MAX_PAYLOAD_CHARACTERS} characters${beside}`);
    }
    this.context.progress({ payload });
  }
}

function payloadOf(text: string, checkpoint: StoredBlob | null): string {
  if (checkpoint !== null) return `${MARK}${checkpoint.sha256} ${checkpoint.sizeBytes}\n${text}`;
  // A text that looks like a reference must not be taken for one.
  return text.startsWith(MARK) ? `${MARK}none\n${text}` : text;
}
