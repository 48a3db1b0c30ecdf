import { ProblemError } from "./problem.ts";

/** Reads the data of server-sent events out of bytes as they come (the format of the HTML standard, section 9.2). */
export class ServerSentEvents {
  private readonly decoder = new TextDecoder("utf-8", { fatal: true });
  /** Of the line that has not ended, in the pieces it came in. */
  private pieces: string[] = [];
  private data: string[] = [];
  private afterReturn = false;
  private readonly onData: (data: string) => void;

  constructor(onData: (data: string) => void) {
    this.onData = onData;
  }

  push(bytes: Uint8Array): void {
    this.take(decoded(() => this.decoder.decode(bytes, { stream: true })));
  }

  /** What follows the last empty line is not an event, says the standard. */
  end(): void {
    this.take(decoded(() => this.decoder.decode()));
  }

  private take(text: string): void {
    if (text === "") return;
    // The second half of a line end that came in two chunks.
    const fresh = this.afterReturn && text.startsWith("\n") ? text.slice(1) : text;
    this.afterReturn = text.endsWith("\r");
    const lines = fresh.split(/\r\n|\n|\r/);
    const rest = lines.pop() ?? "";
    for (const end of lines) {
      this.line(this.pieces.join("") + end);
      this.pieces = [];
    }
    if (rest !== "") this.pieces.push(rest);
  }

  private line(line: string): void {
    if (line === "") {
      if (this.data.length > 0) this.onData(this.data.join("\n"));
      this.data = [];
    } else if (line === "data") {
      this.data.push("");
    } else if (line.startsWith("data:")) {
      this.data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
    }
  }
}

function decoded(read: () => string): string {
  try {
    return read();
  } catch {
    throw new ProblemError("invalid_utf8", "the stream is not UTF-8");
  }
}
