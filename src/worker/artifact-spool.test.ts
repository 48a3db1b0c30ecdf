import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AssayError, systemClock } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { ArtifactSource, StoredBlob } from "../executors/index.ts";
import { ArtifactSpool } from "./artifact-spool.ts";
import type { ArtifactSink } from "./artifact-store.ts";
import { MemoryLogger, until } from "./worker-acceptance.ts";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Keeps texts by digest, or refuses everything. */
class TextStore implements ArtifactSink {
  readonly texts: string[] = [];
  refusal: Error | undefined;

  async put(source: ArtifactSource): Promise<StoredBlob> {
    if (this.refusal) throw this.refusal;
    const text = "path" in source ? await readFile(source.path, "utf8") : Buffer.from(source.bytes).toString();
    this.texts.push(text);
    return { sha256: digest(text), sizeBytes: text.length };
  }
}

let folder: string;
let store: TextStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-spool-"));
  store = new TextStore();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (maxBytes = 1_000): Promise<ArtifactSpool> =>
  ArtifactSpool.open({
    store,
    folder: join(folder, "spool"),
    maxBytes,
    clock: systemClock,
    logger: new MemoryLogger(),
  });
const text = (content: string) => ({ name: "notes.txt", contentType: "text/plain", bytes: Buffer.from(content) });
const log = (content: string) => ({ ...text(content), isLog: true });
const onDisk = (): Promise<string[]> => readdir(join(folder, "spool"));

test("what cannot be delivered waits on disk, over the death of the process, and is delivered in order", async () => {
  const first = await open();
  for (const content of ["a", "b", "c"]) await first.put(text(content));
  expect(first.stateOf(digest("b"))).toBe("waiting");
  await writeFile(join(folder, "spool", "half.new"), "not written to its end");
  const second = await open();
  expect(await onDisk()).toHaveLength(3);
  second.connected();
  await until(() => expect(second.stateOf(digest("c"))).toBe("delivered"));
  expect(store.texts).toEqual(["a", "b", "c"]);
  await until(async () => expect(await onDisk()).toEqual([]));
});

test("with a coordinator there nothing waits; when it goes during an upload, the artifact waits", async () => {
  const spool = await open();
  spool.connected();
  await spool.put(text("a"));
  expect(store.texts).toEqual(["a"]);
  store.refusal = assayError("coordinator_unreachable", "gone");
  expect(await spool.put(text("b"))).toEqual({ sha256: digest("b"), sizeBytes: 1 });
  expect(spool.stateOf(digest("b"))).toBe("waiting");
  spool.stop();
});

test("what the coordinator refuses is refused at once, or given up when it waited", async () => {
  const spool = await open();
  await spool.put(text("a"));
  store.refusal = new AssayError("token_expired", { message: "no", next: "", details: { refused: true } });
  spool.connected();
  await until(() => expect(spool.stateOf(digest("a"))).toBe("lost"));
  await expect(spool.put(text("b"))).rejects.toMatchObject({ code: "token_expired" });
});

test("it is bounded: the oldest logs make room, nothing else does", async () => {
  const spool = await open(10);
  let changes = 0;
  spool.onChange = () => void (changes += 1);
  await spool.put(log("log1"));
  await spool.put(log("log2"));
  await spool.put(text("file"));
  expect(spool.stateOf(digest("log1"))).toBe("lost");
  expect(changes).toBe(1);
  await spool.put(text("more!!"));
  expect(spool.stateOf(digest("log2"))).toBe("lost");
  await expect(spool.put(text("x"))).rejects.toThrow("at most 10 may");
  expect(spool.stateOf(digest("file"))).toBe("waiting");
  expect(await onDisk()).toHaveLength(2);
});

test("the same content waits once", async () => {
  const spool = await open();
  await spool.put(text("a"));
  await spool.put(text("a"));
  expect(await onDisk()).toHaveLength(1);
});

test("a file that holds what a log holds does not make room with it", async () => {
  const spool = await open(10);
  await spool.put(log("same"));
  await spool.put(text("same"));
  await spool.put(log("same"));
  await expect(spool.put(text("more!!!"))).rejects.toThrow("at most 10 may");
  expect(spool.stateOf(digest("same"))).toBe("waiting");
  expect(await onDisk()).toEqual([expect.stringContaining("-file-")]);
  // An artifact is kept like that over the death of the process too.
  await expect((await open(10)).put(text("more!!!"))).rejects.toThrow("at most 10 may");
});
