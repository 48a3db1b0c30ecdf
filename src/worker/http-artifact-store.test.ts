import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRng, systemClock } from "../base/index.ts";
import type { Clock } from "../base/index.ts";
import { encodeBlobBatch } from "../contracts/index.ts";
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

test("an answer before all is sent counts, and leaves no connection that waits for the rest", async () => {
  answers = [(_, response) => void response.end("{}")];
  const path = join(folder, "large");
  await writeFile(path, "");
  await truncate(path, 30_000_000);
  await store.put({ path });
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  await expect.poll(connections, { timeout: 5_000 }).toBe(0);
});

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

describe("many small ones", () => {
  const contents = Array.from({ length: 2_500 }, (_unused, index) => `blob ${index}`);
  const stored = new Map([...contents, "large ".repeat(300_000)].map((content) => [digest(content), content]));
  const body = async (request: IncomingMessage): Promise<string[]> =>
    (JSON.parse(await text(request)) as { sha256: string[] }).sha256;
  /** A coordinator's answers: batches of at most so many, without large ones; those alone. */
  const serves =
    (perBatch: number) =>
    async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const { method, url = "", headers } = request;
      requests.push({ method, url, token: headers.authorization, sha256: "", bytes: 0 });
      if (method === "GET") {
        const content = stored.get(url.split("/").at(-1) ?? "");
        const missing = JSON.stringify({ error: { code: "not_found", message: `There is no ${url}`, next: "Look." } });
        return void (content === undefined ? response.writeHead(404).end(missing) : response.end(content));
      }
      const found = (await body(request)).flatMap((sha256) => {
        const content = stored.get(sha256);
        return content === undefined || content.length > 1_000_000 ? [] : [{ sha256, bytes: Buffer.from(content) }];
      });
      response.end(encodeBlobBatch(found.slice(0, perBatch)));
    };
  /** What was given, and how often. */
  const taking = (): { got: Map<string, string[]>; take: (sha256: string, bytes: Uint8Array) => Promise<void> } => {
    const got = new Map<string, string[]>();
    const take = async (sha256: string, bytes: Uint8Array): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      got.set(sha256, [...(got.get(sha256) ?? []), Buffer.from(bytes).toString()]);
    };
    return { got, take };
  };
  const once = new Map([...stored].map(([sha256, content]) => [sha256, [content]]));

  test("come in few requests, each once, the large one alone", async () => {
    answers = [serves(5_000)];
    const { got, take } = taking();
    await store.getMany([...stored.keys(), digest("blob 0")], take);
    expect(got).toEqual(once);
    const batch = { method: "POST", url: "/prefix/api/v1/blobs/read", token: "Bearer secret" };
    const alone = { method: "GET", url: `/prefix/api/v1/blobs/${[...stored.keys()].at(-1)}` };
    expect(requests.toSorted((a, b) => (a.method ?? "").localeCompare(b.method ?? ""))).toMatchObject([
      alone,
      // 1,000 at a time, and once more for what the last answer left out.
      ...[batch, batch, batch, batch],
    ]);
    await store.getMany([], take);
  });

  test("that do not fit into one answer are asked for again", async () => {
    answers = [serves(300)];
    const { got, take } = taking();
    await store.getMany(stored.keys(), take);
    expect(got).toEqual(once);
    expect(requests.filter(({ method }) => method === "GET")).toHaveLength(1);
  });

  test("come again when an answer breaks off or is damaged, but not those that were taken", async () => {
    const few = contents.slice(0, 20).map((content) => ({ sha256: digest(content), bytes: Buffer.from(content) }));
    const whole = encodeBlobBatch(few);
    const gives =
      (bytes: Uint8Array, cut = bytes.length) =>
      (request: IncomingMessage, response: ServerResponse): void => {
        request.resume();
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, cut), () => (cut < bytes.length ? response.destroy() : response.end()));
      };
    const spoilt = Buffer.from(encodeBlobBatch(few.slice(5)));
    spoilt[spoilt.length - 1] = 0;
    const strange = encodeBlobBatch([{ sha256: digest("not asked for"), bytes: Buffer.from("not asked for") }]);
    const asked: number[] = [];
    answers = [
      gives(whole, 5 * 43),
      answersWith(503),
      gives(spoilt),
      gives(strange),
      gives(whole.subarray(-20)),
      async (request, response) => {
        asked.push((await body(request)).length);
        response.end(encodeBlobBatch(few.slice(-1)));
      },
    ];
    const { got, take } = taking();
    await store.getMany(
      few.map(({ sha256 }) => sha256),
      take,
    );
    expect(got).toEqual(new Map(few.map(({ sha256, bytes }) => [sha256, [bytes.toString()]])));
    expect([asked, waits.length]).toEqual([[1], 5]);
  });

  test("of which one is missing end with an error that names it", async () => {
    answers = [serves(5_000)];
    const { got, take } = taking();
    const asked = store.getMany([digest("gone"), ...contents.slice(0, 10).map(digest)], take);
    await expect(asked).rejects.toMatchObject({ code: "not_found", message: expect.stringContaining(digest("gone")) });
    expect(got.size).toBe(10);
    expect(waits).toEqual([]);
  });

  test("end with the error of whoever takes them, at once", async () => {
    answers = [serves(5_000)];
    const full = Object.assign(new Error("no room"), { code: "ENOSPC" });
    let given = 0;
    const take = async (): Promise<void> => {
      given += 1;
      throw full;
    };
    for (const wanted of [contents.slice(0, 100).map(digest), [[...stored.keys()].at(-1) ?? ""]]) {
      await expect(store.getMany(wanted, take)).rejects.toBe(full);
    }
    expect([given, waits]).toEqual([2, []]);
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
