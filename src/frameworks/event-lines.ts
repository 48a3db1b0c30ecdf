import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** A line longer than this is no event of ours. */
const MAX_LINE = 1024 * 1024;

/** The JSON documents of a stream, one per line; what is none is passed over: tests may write to any descriptor. */
export async function* eventLines(stream: Readable): AsyncGenerator {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.write(chunk as Buffer)).split("\n");
    rest = (lines.pop() ?? "").slice(0, MAX_LINE);
    for (const line of lines) {
      const value = parsed(line);
      if (value !== undefined) yield value;
    }
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
