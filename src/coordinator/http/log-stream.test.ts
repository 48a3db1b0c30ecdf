import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AsyncQueue } from "../../base/index.ts";
import type { AttemptView } from "../../contracts/index.ts";
import type { LogChunk } from "../control.ts";
import { attemptViewOf, taskViewOf } from "./fake-coordinator.ts";
import { sha256Of, startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi({ limits: { heartbeatMs: 20 } });
  api.fake.tasks.set("r a/b", taskViewOf("r", "a/b", { status: "running", attempts: 1 }));
});
afterEach(() => api.close());

const path = "/api/v1/tasks/r/a%2Fb/logs";
const task = taskViewOf("r", "a/b");
const plain = async (query = ""): Promise<string> => (await api.call(`${path}${query}`, { as: "viewer" })).text();

function begin(attempt: number, status: AttemptView["status"]): void {
  api.fake.attempts.push(attemptViewOf(task, attempt, status));
}

function live(attempt: number): AsyncQueue<LogChunk> {
  const queue = new AsyncQueue<LogChunk>();
  api.fake.liveLogs.set(`r a/b ${attempt}`, queue);
  return queue;
}

async function keep(attempt: number, name: string, content: string | Uint8Array): Promise<void> {
  const bytes = Buffer.from(content);
  await api.blobs.put(sha256Of(bytes), chunksOf(bytes), { maxBytes: 10_000_000 });
  const common = { run_id: "r", task_id: "a/b", attempt, content_type: "text/plain" };
  api.fake.artifacts.push({ ...common, name, sha256: sha256Of(bytes), size_bytes: bytes.byteLength });
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The chunks of a followed log, read one at a time; empty lines are counted. */
class Lines {
  heartbeats = 0;
  private readonly reader: ReadableStreamDefaultReader<string>;
  private rest = "";

  constructor(response: Response) {
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      "application/x-ndjson; charset=utf-8",
    ]);
    if (response.body === null) throw new Error("no body");
    this.reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  }

  async next(): Promise<LogChunk | null> {
    for (;;) {
      const end = this.rest.indexOf("\n");
      if (end >= 0) {
        const line = this.rest.slice(0, end);
        this.rest = this.rest.slice(end + 1);
        if (line !== "") return JSON.parse(line) as LogChunk;
        this.heartbeats += 1;
        continue;
      }
      const { done, value } = await this.reader.read();
      if (done) return null;
      this.rest += value;
    }
  }

  async all(): Promise<LogChunk[]> {
    const chunks: LogChunk[] = [];
    for (let chunk = await this.next(); chunk !== null; chunk = await this.next()) chunks.push(chunk);
    return chunks;
  }

  cancel(): Promise<void> {
    return this.reader.cancel();
  }
}

const follow = async (query = ""): Promise<Lines> =>
  new Lines(await api.call(`${path}?follow=1${query}`, { as: "viewer" }));

describe("the log of a finished attempt", () => {
  test("comes from its artifacts, the newest attempt unless another is named", async () => {
    begin(1, "failed");
    begin(2, "succeeded");
    await keep(1, "stdout.log", "first try\n");
    await keep(2, "stdout.log", "second try\n");
    await keep(2, "stderr.log", "a warning\n");
    await keep(2, "model.onnx", "not a log");
    expect(await plain()).toBe("second try\na warning\n");
    expect(await plain("?attempt=1")).toBe("first try\n");
    expect(await (await follow()).all()).toEqual([
      { stream: "stdout", text: "second try\n" },
      { stream: "stderr", text: "a warning\n" },
    ]);
  });

  test("keeps characters whole that lie across the chunks of a file, and takes what is no UTF-8", async () => {
    begin(1, "succeeded");
    // Files are read in pieces of 64 KiB: the euro sign lies across the first border.
    const long = `${"x".repeat(64 * 1024 - 1)}€ and on`;
    await keep(1, "stdout.log", long);
    await keep(1, "stderr.log", Buffer.from([0x61, 0xff, 0xe2]));
    expect(await plain()).toBe(`${long}a\ufffd\ufffd`);
  });

  test("is empty when it wrote none", async () => {
    begin(1, "lost");
    expect(await plain()).toBe("");
    expect(await (await follow()).all()).toEqual([]);
  });
});

describe("the log of a running attempt", () => {
  test("is what there is so far", async () => {
    begin(1, "running");
    const queue = live(1);
    queue.push({ stream: "stdout", text: "one\n" });
    queue.push({ stream: "stderr", text: "two\n" });
    expect(await plain()).toBe("one\ntwo\n");
  });

  test("is followed to its end, with signs of life in between", async () => {
    begin(1, "running");
    const queue = live(1);
    queue.push({ stream: "stdout", text: "one\n" });
    const lines = await follow();
    expect(await lines.next()).toEqual({ stream: "stdout", text: "one\n" });
    const second = lines.next();
    await vi.waitFor(() => expect(lines.heartbeats).toBeGreaterThan(1));
    queue.push({ stream: "stderr", text: "two\n" });
    expect(await second).toEqual({ stream: "stderr", text: "two\n" });
    queue.close();
    expect(await lines.all()).toEqual([]);
  });

  test("comes from the artifacts when the attempt ended before anything was heard of it", async () => {
    begin(1, "running");
    await keep(1, "stdout.log", "all of it\n");
    live(1).close();
    expect(await (await follow()).all()).toEqual([{ stream: "stdout", text: "all of it\n" }]);
  });

  test("is let go when the client is gone", async () => {
    begin(1, "running");
    const queue = live(1);
    const ended = Promise.withResolvers<void>();
    queue.close = () => {
      AsyncQueue.prototype.close.call(queue);
      ended.resolve();
    };
    const lines = await follow();
    await lines.cancel();
    await ended.promise;
  });

  test("is let go when the server stops", async () => {
    begin(1, "running");
    live(1);
    const lines = await follow();
    const closed = api.app.close();
    expect(await lines.all()).toEqual([]);
    await closed;
  });
});

describe("the log of an attempt that has not begun", () => {
  test("is waited for when followed", async () => {
    const lines = await follow();
    const first = lines.next();
    await vi.waitFor(() => expect(lines.heartbeats).toBeGreaterThan(2));
    begin(1, "running");
    const queue = live(1);
    api.fake.append({ type: "attempt_leased", run_id: "r", task_id: "a/b", attempt: 1 });
    queue.push({ stream: "stdout", text: "at last\n" });
    expect(await first).toEqual({ stream: "stdout", text: "at last\n" });
    queue.close();
    expect(await lines.all()).toEqual([]);
  });

  test.each(["", "?follow=1&attempt=7", "?attempt=7"])("is not there%s", async (query) => {
    api.fake.tasks.set("r a/b", taskViewOf("r", "a/b", { status: "cancelled" }));
    expect(await api.refused(`${path}${query}`)).toMatchObject({
      status: 404,
      code: "not_found",
      message: expect.stringContaining("a/b"),
      next: expect.stringContaining("explain"),
    });
  });

  test.each(["?attempt=0", "?attempt=x", "?follow=2", "?tail=1"])("is not asked for with %s", async (query) => {
    expect((await api.refused(`${path}${query}`)).status).toBe(400);
  });
});
