import { z } from "zod";
import { identifier, workerActions, workerAnswerStates } from "../contracts/index.ts";
import { readJson, writeDurably } from "./durable-file.ts";

/** The coordinator asks again only for what it has no final answer to: few are ever looked up. */
const REMEMBERED_COMMANDS = 100;

const commandRecord = z.strictObject({
  command_id: identifier,
  action: z.enum(workerActions),
  version: z.string().nullable(),
  state: z.enum(workerAnswerStates),
  message: z.string(),
});
/** A command that was accepted, and what became of it. */
export type CommandRecord = z.infer<typeof commandRecord>;

/** What the worker remembers of commands over its end. */
export interface CommandMemory {
  get(commandId: string): CommandRecord | undefined;
  /** Resolves when a crash would not lose it. */
  put(record: CommandRecord): Promise<void>;
}

/** For workers whose process is never started anew. */
export function forgetfulMemory(): CommandMemory {
  const records = new Map<string, CommandRecord>();
  return {
    get: (commandId) => records.get(commandId),
    put: (record) => Promise.resolve(void records.set(record.command_id, record)),
  };
}

/** A file of the last commands. */
export async function openCommandMemory(path: string): Promise<CommandMemory> {
  return rememberingIn(await readJson(path), (text) => writeDurably(path, text));
}

/** The last commands, in what is written as one text; `stored`: what that said, parsed. */
export function rememberingIn(stored: unknown, write: (text: string) => Promise<void>): CommandMemory {
  const known = z.array(commandRecord).safeParse(stored);
  const records = new Map((known.data ?? []).map((record) => [record.command_id, record]));
  let writing: Promise<void> = Promise.resolve();
  return {
    get: (commandId) => records.get(commandId),
    put(record) {
      records.delete(record.command_id);
      records.set(record.command_id, record);
      const [oldest] = records.keys();
      if (records.size > REMEMBERED_COMMANDS && oldest !== undefined) records.delete(oldest);
      const text = JSON.stringify([...records.values()]);
      // One after the other, and after a failed one too.
      const written = writing.then(() => write(text));
      writing = written.catch(() => undefined);
      return written;
    },
  };
}
