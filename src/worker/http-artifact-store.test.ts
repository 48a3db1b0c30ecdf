import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRng, systemClock } from "../base/index.ts";
import type { Clock } from "../base/index.ts";
import { HttpArtifactStore } from "./http-artifact-store.ts";

interface Request {
  method: string | undefined;
  url: string | undefined;
  token: string | undefined;
  sha256: string;
  bytes: number;
}

let folder: string;
let server: Server;
let store: HttpArtifactStore;
let requests: Request[];
/** How the server answers; the last one stays. */
let answers: ((request: IncomingMessage, response: ServerResponse) => void | Promise<void>)[];
let waits: number[];

/** The system's clock, but back-off takes no time and is written down. */
const clock: Clock = {
  ...systemClock,
  setTimer: (delayMs, action) => {
    waits.push(delayMs);
    return systemClock.setTimer(0, action);
  },
};

const takes = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const { method, url, headers } = request;
  requests.push({ method, url, token: headers.authorization, sha256: hash.digest("hex"), bytes });
  response.end("{}");
};
const answersWith =
  (status: number, body = "") =>
  (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    request.on("end", () => response.writeHead(status).end(body));
  };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-artifacts-"));
  requests = [];
  waits = [];
  answers = [takes];
  server = createServer((request, response) => {
    void (answers.length > 1 ? answers.shift() : answers[0])?.(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/`;
  store = new HttpArtifactStore({ baseUrl, token: "secret", clock, rng: seededRng(1) });
});
afterEach(async () => {
  store.close();
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
  await rm(folder, { recursive: true, force: true });
});

const LARGE_BYTES = 256 * 1024 * 1024;
const digest = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

describe("what was stored", () => {
  const gives =
    (content: string, cutAt = content.length) =>
    ({ url, headers, method }: IncomingMessage, response: ServerResponse): void => {
      requests.push({ method, url, token: headers.authorization, sha256: "", bytes: 0 });
      response.writeHead(200, { "content-length": content.length });
      if (cutAt === content.length) response.end(content);
      else response.write(content.slice(0, cutAt), () => response.destroy());
    };

  test("comes back as a file", async () => {
    answers = [gives("content")];
    const path = join(folder, "back");
    await store.get(digest("content"), path);
    expect(await readFile(path, "utf8")).toBe("content");
    const url = `/prefix/api/v1/blobs/${digest("content")}`;
    expect(requests).toMatchObject([{ method: "GET", url, token: "Bearer secret" }]);
  });

  test("comes again when it came in part or is not what its digest says", async () => {
    answers = [gives("content", 3), gives("others!"), answersWith(503), gives("content")];
    const path = join(folder, "back");
    await store.get(digest("content"), path);
    expect(await readFile(path, "utf8")).toBe("content");
    expect(waits.length).toBeGreaterThanOrEqual(3);
  });

  test("leaves no file when it cannot be had", async () => {
    answers = [answersWith(404)];
    await expect(store.get(digest("gone"), join(folder, "back"))).rejects.toThrow("HTTP 404");
    answers = [gives("never right")];
    await expect(store.get(digest("right"), join(folder, "back"))).rejects.toMatchObject({
      code: "coordinator_unreachable",
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

test("bytes and files are put under their digest", async () => {
  expect(await store.put({ bytes: new TextEncoder().encode("hello") })).toEqual({
    sha256: digest("hello"),
    sizeBytes: 5,
  });
  const path = join(folder, "file");
  await writeFile(path, "content");
  expect(await store.put({ path })).toEqual({ sha256: digest("content"), sizeBytes: 7 });
  expect(requests).toEqual(
    ["hello", "content"].map((content) => ({
      method: "PUT",
      url: `/prefix/api/v1/blobs/${digest(content)}`,
      token: "Bearer secret",
      sha256: digest(content),
      bytes: content.length,
    })),
  );
});

test("an empty artifact is one too", async () => {
  expect(await store.put({ bytes: new Uint8Array() })).toEqual({ sha256: digest(""), sizeBytes: 0 });
  expect(requests).toMatchObject([{ bytes: 0, sha256: digest("") }]);
});

test("a large file is streamed", async () => {
  const path = join(folder, "large");
  await writeFile(path, "");
  await truncate(path, LARGE_BYTES);
  const before = process.memoryUsage().rss;
  const { sizeBytes } = await store.put({ path });
  expect(sizeBytes).toBe(LARGE_BYTES);
  expect(requests).toMatchObject([{ bytes: sizeBytes }]);
  expect(process.memoryUsage().rss - before).toBeLessThan(LARGE_BYTES / 2);
});

test("trouble that may pass is tried again with growing waits, from the start of the content", async () => {
  const busy = JSON.stringify({ error: { code: "not_leader", message: "not the leader", next: "wait" } });
  const breaksOff = (request: IncomingMessage): void => void request.once("data", () => request.socket.destroy());
  answers = [answersWith(503, busy), breaksOff, answersWith(429), answersWith(500), takes];
  expect(await store.put({ bytes: new TextEncoder().encode("again") })).toMatchObject({ sizeBytes: 5 });
  expect(requests).toMatchObject([{ sha256: digest("again") }]);
  expect(waits).toHaveLength(4);
});

test("a refusal is final, with the coordinator's own words", async () => {
  const body = JSON.stringify({
    error: { code: "blob_too_large", message: "larger than 5 bytes", next: "Write less." },
  });
  answers = [answersWith(413, body)];
  await expect(store.put({ bytes: Buffer.from("hello!") })).rejects.toMatchObject({
    code: "blob_too_large",
    message: "larger than 5 bytes",
    next: "Write less.",
    details: { refused: true },
  });
  expect(waits).toEqual([]);
});

test("a refusal that comes before all is sent counts", async () => {
  const path = join(folder, "huge");
  await writeFile(path, Buffer.alloc(32 * 1024 * 1024));
  answers = [
    (_request, response) => {
      const body = JSON.stringify({ error: { code: "blob_too_large", message: "too large", next: "Write less." } });
      response.writeHead(413, { connection: "close" }).end(body);
    },
  ];
  await expect(store.put({ path })).rejects.toMatchObject({ code: "blob_too_large" });
});

test("a coordinator that stays away is given up in the end", async () => {
  answers = [(request) => void request.socket.destroy()];
  await expect(store.put({ bytes: Buffer.from("x") })).rejects.toMatchObject({
    code: "coordinator_unreachable",
    details: expect.not.objectContaining({ refused: true }),
  });
  expect(waits).toHaveLength(9);
});

test("a file that is not there, and an address that is none", async () => {
  await expect(store.put({ path: join(folder, "absent") })).rejects.toThrow("ENOENT");
  expect(() => new HttpArtifactStore({ baseUrl: "ftp://x", token: null, clock, rng: seededRng(1) })).toThrow(
    "not an http",
  );
});
