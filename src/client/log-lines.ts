import { z } from "zod";

const logChunk = z.strictObject({ stream: z.enum(["stdout", "stderr"]), text: z.string() });
/** A piece of an attempt's output. */
export type LogChunk = z.infer<typeof logChunk>;

/** The chunks of a followed log; empty lines only keep the connection alive. */
export async function* parseLog(source: AsyncIterable<string>): AsyncGenerator<LogChunk> {
  for await (const line of source) if (line !== "") yield logChunk.parse(JSON.parse(line));
}
