import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startTestApi } from "./test-api.ts";
import type { CallOptions, TestApi } from "./test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi({ limits: { heartbeatMs: 20, maxStreams: 3 } });
});
afterEach(() => api.close());

/** One block of the stream: its fields, and its comments under the empty name. */
type Block = Record<string, string>;

/** Reads blocks until the predicate holds for one, which is included. */
class Stream {
  private readonly reader: ReadableStreamDefaultReader<string>;
  private rest = "";

  constructor(response: Response) {
    if (response.body === null) throw new Error("no body");
    this.reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  }

  async until(done: (block: Block) => boolean): Promise<Block[]> {
    const blocks: Block[] = [];
    for (;;) {
      const block = await this.next();
      if (block === null) return blocks;
      blocks.push(block);
      if (done(block)) return blocks;
    }
  }

  /** The ids of the events up to this one. */
  async idsTo(id: number): Promise<number[]> {
    const blocks = await this.until((block) => block["data"] !== undefined && block["id"] === String(id));
    return blocks.filter((block) => block["data"] !== undefined).map((block) => Number(block["id"]));
  }

  cancel(): Promise<void> {
    return this.reader.cancel();
  }

  private async next(): Promise<Block | null> {
    while (!this.rest.includes("\n\n")) {
      const { done, value } = await this.reader.read();
      if (done) return null;
      this.rest += value;
    }
    const end = this.rest.indexOf("\n\n");
    const lines = this.rest.slice(0, end).split("\n");
    this.rest = this.rest.slice(end + 2);
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
    );
  }
}

async function open(query = "", options: CallOptions = {}): Promise<Stream> {
  const response = await api.call(`/api/v1/events${query}`, { as: "viewer", ...options });
  expect(response.status).toBe(200);
  return new Stream(response);
}

function append(count: number, runId = "r"): void {
  for (let index = 0; index < count; index += 1)
    api.fake.append({ type: "attempt_started", run_id: runId, task_id: `t${index}` });
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_unused, index) => from + index);

describe("the event stream", () => {
  test("gives what was and what comes, as server-sent events", async () => {
    append(2);
    const stream = await open();
    const blocks = await stream.until((block) => block["id"] === "2");
    expect(blocks[0]).toEqual({ retry: "1000" });
    expect(blocks[2]).toEqual({ id: "2", event: "attempt_started", data: JSON.stringify(api.fake.events[1]) });
    append(1);
    expect(await stream.idsTo(3)).toEqual([3]);
    await stream.cancel();
  });

  test("says that it is alive, and how far it has come, when nothing happens", async () => {
    append(3, "other");
    const stream = await open("?run_id=mine");
    const blocks = await stream.until((block) => block[""] === "heartbeat");
    expect(blocks).toEqual([{ retry: "1000" }, { "": "heartbeat", id: "3" }]);
    await stream.cancel();
  });

  test("resumed again and again with the last id misses nothing and repeats nothing", async () => {
    append(700);
    const seen: number[] = [];
    for (let turn = 0; seen.length < 1_000; turn += 1) {
      const stop = Math.min(seen.length + 137, 1_000);
      const stream = await open("?after=0", { headers: { "last-event-id": String(seen.at(-1) ?? 0) } });
      if (turn === 3) append(300);
      seen.push(...(await stream.idsTo(stop)));
      await stream.cancel();
    }
    expect(seen).toEqual(numbers(1, 1_000));
  });

  test("starts after the place in the query, unless a header says where", async () => {
    append(5);
    const byQuery = await open("?after=3");
    expect(await byQuery.idsTo(5)).toEqual([4, 5]);
    const byHeader = await open("?after=3", { headers: { "last-event-id": "4" } });
    expect(await byHeader.idsTo(5)).toEqual([5]);
    await Promise.all([byQuery.cancel(), byHeader.cancel()]);
  });

  test.each([
    ["?after=-1", {}],
    ["?after=soon", {}],
    ["?run_id=..%2F", {}],
    ["", { "last-event-id": "x" }],
    ["?since=1", {}],
  ])("refuses %s %j", async (query, headers) => {
    expect((await api.refused(`/api/v1/events${query}`, { headers })).status).toBe(400);
  });

  test("leaves out other runs", async () => {
    for (let turn = 0; turn < 600; turn += 1) append(1, turn % 100 === 0 ? "mine" : "other");
    const stream = await open("?run_id=mine");
    expect(await stream.idsTo(501)).toEqual([1, 101, 201, 301, 401, 501]);
    await stream.cancel();
  });

  test("leaves out other types", async () => {
    append(300);
    api.fake.append({ type: "run_finished", run_id: "r", state: "completed" });
    const stream = await open("?type=run_finished");
    expect(await stream.idsTo(301)).toEqual([301]);
    await stream.cancel();
  });

  test("ends when its token is revoked", async () => {
    const stream = await open();
    api.fake.tokens.set("token-of-viewer", "token_revoked");
    const blocks = await stream.until(() => false);
    expect(blocks.every((block) => block["data"] === undefined)).toBe(true);
  });

  test("waits for nothing any more when its client is gone", async () => {
    await api.close();
    api = await startTestApi({ limits: { heartbeatMs: 3_600_000 } });
    const stream = await open();
    await vi.waitFor(() => expect(api.fake.waiting).toBe(1));
    await stream.cancel();
    await vi.waitFor(() => expect(api.fake.waiting).toBe(0));
  });

  test("is refused when all places are taken, and gives its place back", async () => {
    const streams = [await open(), await open(), await open()];
    expect(await api.refused("/api/v1/events")).toMatchObject({ status: 429, code: "rate_limited" });
    await streams[0]?.cancel();
    await vi.waitFor(async () => {
      const response = await api.call("/api/v1/events");
      streams.push(new Stream(response));
      expect(response.status).toBe(200);
    });
    await Promise.all(streams.map((stream) => stream.cancel()));
  });

  test("reads no further for a client that does not read", async () => {
    append(200_000);
    let read = 0;
    const { readModel } = api.fake;
    const feed = readModel.feed.bind(readModel);
    readModel.feed = (afterSeq, wanted) => {
      read = afterSeq;
      return feed(afterSeq, wanted);
    };
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
    socket.write("GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token-of-viewer\r\n\r\n");
    await once(socket, "readable");
    // The sockets' buffers fill up; after that the same place is seen twice in a row.
    let before = -1;
    await vi.waitFor(
      () => {
        const stands = read > 0 && read === before;
        before = read;
        expect(stands).toBe(true);
      },
      { interval: 200, timeout: 20_000 },
    );
    expect(read).toBeLessThan(200_000);
    socket.destroy();
  });
});
