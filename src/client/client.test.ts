import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import {
  BLOB_BATCH_TYPE,
  decodeBlobBatch,
  MAX_BATCH_BLOBS,
  MAX_BATCHED_BLOB_BYTES,
  MAX_DIGESTS_ASKED,
  missingBlobsRequest,
} from "../contracts/index.ts";
import type { BatchedBlob } from "../contracts/index.ts";
import { createClient } from "./client.ts";
import type { Client } from "./client.ts";
import { parseEvents } from "./event-source.ts";
import { lines } from "./http.ts";

/** A scripted coordinator over real HTTP: it stands for the coordinator's answers, which its own tests check. */
const servers: Server[] = [];
async function scripted(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<Client> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => answer(request, response, body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: "t" });
}
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
});

const json = (response: ServerResponse, status: number, value: unknown): void =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

test("a submission is tried again under the same key when the connection breaks", async () => {
  const keys: unknown[] = [];
  const client = await scripted((request, response) => {
    keys.push(request.headers["idempotency-key"]);
    if (keys.length === 1) return void response.destroy();
    json(response, 201, { run_id: "r1", tasks: 1, duplicate: false });
  });
  const accepted = await client.submitRun({
    name: "n",
    tasks: [{ task_id: "a", type: "command", config: { command: "true" } }],
  });
  expect(accepted.run_id).toBe("r1");
  expect(keys).toHaveLength(2);
  expect(keys[0]).toBe(keys[1]);
});

test("a refusal keeps its code, message, next step and path, and is not tried again", async () => {
  let calls = 0;
  const client = await scripted((_request, response) => {
    calls += 1;
    json(response, 422, {
      error: { code: "cyclic_dependency", message: "a → a", next: "Remove one.", path: "tasks[0]" },
    });
  });
  const failed = client.submitRun({ name: "n", tasks: [] });
  await expect(failed).rejects.toMatchObject({
    code: "cyclic_dependency",
    message: "a → a",
    next: "Remove one.",
    details: { path: "tasks[0]" },
  });
  expect(calls).toBe(1);
});

test("nobody there, and somebody else there, are both said", async () => {
  await expect(createClient({ baseUrl: "http://127.0.0.1:1", token: "t" }).status()).rejects.toMatchObject({
    code: "coordinator_unreachable",
  });
  const client = await scripted((_request, response) => void response.writeHead(404).end("<html>"));
  await expect(client.status()).rejects.toMatchObject({
    code: "coordinator_unreachable",
    message: expect.stringContaining("404"),
  });
});

test("a list goes through all pages, with its filters", async () => {
  const asked: string[] = [];
  const item = (name: string): object => ({
    run_id: "r",
    task_id: "t/1",
    attempt: 1,
    name,
    sha256: "s",
    size_bytes: 1,
    content_type: "text/plain",
  });
  const client = await scripted((request, response) => {
    asked.push(request.url ?? "");
    json(response, 200, {
      items: [item(`n${asked.length}`)],
      next_cursor: asked.length < 3 ? `c${asked.length}` : null,
    });
  });
  const names: string[] = [];
  for await (const artifact of client.artifacts({ run_id: "r" })) names.push(artifact.name);
  expect(names).toEqual(["n1", "n2", "n3"]);
  expect(asked).toEqual([
    "/api/v1/artifacts?run_id=r&limit=1000",
    "/api/v1/artifacts?run_id=r&limit=1000&cursor=c1",
    "/api/v1/artifacts?run_id=r&limit=1000&cursor=c2",
  ]);
});

test("events go on from the last one when the connection breaks", async () => {
  const event = (seq: number): string =>
    `id: ${seq}\nevent: x\ndata: ${JSON.stringify({ seq, time: "2026-01-01T00:00:00.000Z", type: "x" })}\n\n`;
  const asked: (string | null)[] = [];
  const client = await scripted((request, response) => {
    const after = new URL(request.url ?? "", "http://x").searchParams.get("after");
    asked.push(after);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const from = Number(after);
    response.write(`: hello\n\n${event(from + 1)}${event(from + 2)}`, () => response.destroy());
  });
  const seen: number[] = [];
  for await (const { seq } of client.events({ after: 5 })) {
    seen.push(seq);
    if (seen.length === 4) break;
  }
  expect(seen).toEqual([6, 7, 8, 9]);
  expect(asked).toEqual(["5", "7"]);
});

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A scripted coordinator for bytes. */
async function takesBytes(
  answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void | Promise<void>,
): Promise<Client> {
  const server = createServer((request, response) => {
    void buffer(request).then(
      (body) => answer(request, response, body),
      () => undefined,
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: "t" });
}

test("blobs go in batches within the limits, large ones alone, and again when a connection breaks", async () => {
  const [got, sizes, singles]: [Map<string, Buffer>, number[], unknown[]] = [new Map(), [], []];
  let broken = 0;
  const client = await takesBytes(async ({ method, url, headers }, response, body) => {
    if (method === "PUT") {
      singles.push([url, headers["content-type"], headers["content-length"], digest(body)]);
      return json(response, 200, {});
    }
    expect([method, url, headers["content-type"]]).toEqual(["POST", "/api/v1/blobs", BLOB_BATCH_TYPE]);
    if (sizes.length === 1 && (broken += 1) === 1) return void response.destroy();
    let stored = 0;
    for await (const { sha256, bytes } of decodeBlobBatch(Readable.from([body]))) {
      expect(digest(bytes)).toBe(sha256);
      got.set(sha256, Buffer.from(bytes));
      stored += 1;
    }
    sizes.push(stored);
    json(response, 200, { stored });
  });
  const blob = (bytes: Buffer): BatchedBlob => ({ sha256: digest(bytes), bytes });
  const small = Array.from({ length: MAX_BATCH_BLOBS + 10 }, (_unused, index) => blob(Buffer.from(`blob ${index}`)));
  const medium = Array.from({ length: 20 }, (_unused, index) => blob(Buffer.alloc(MAX_BATCHED_BLOB_BYTES, index)));
  const large = blob(Buffer.alloc(MAX_BATCHED_BLOB_BYTES + 1, "l"));
  const all = [...small, large, ...medium];
  await client.putBlobs(
    (async function* () {
      yield* all;
    })(),
  );
  const expected = all.filter((one) => one !== large).map(({ sha256 }) => sha256);
  expect([...got.keys()].toSorted()).toEqual(expected.toSorted());
  // Five thousand, what fits of the rest into 16 MiB, and the end.
  expect(sizes.toSorted((a, b) => a - b)).toEqual([5, 25, MAX_BATCH_BLOBS]);
  const path = `/api/v1/blobs/${large.sha256}`;
  const size = String(large.bytes.length);
  expect(singles).toEqual([[path, "application/octet-stream", size, large.sha256]]);
  expect(broken).toBe(2);
  await client.putBlobs([]);
  expect(sizes).toHaveLength(3);
});

test("a large blob comes from memory, a file or a stream", async () => {
  const puts: unknown[] = [];
  const client = await takesBytes(({ method, url, headers }, response, body) => {
    puts.push([method, url, headers["content-length"], digest(body)]);
    json(response, 200, {});
  });
  const bytes = new Uint8Array(3_000_000).fill(7);
  const folder = await mkdtemp(join(tmpdir(), "assay-client-"));
  await writeFile(join(folder, "large"), bytes);
  const file = await openAsBlob(join(folder, "large"));
  for (const source of [bytes, file, file.stream() as ReadableStream<Uint8Array>]) {
    await client.putBlob(digest(bytes), source, bytes.length);
  }
  await rm(folder, { recursive: true });
  const put = ["PUT", `/api/v1/blobs/${digest(bytes)}`, String(bytes.length), digest(bytes)];
  expect(puts).toEqual([put, put, put]);
});

test("what is missing is asked in lists that the coordinator takes", async () => {
  const lists: number[] = [];
  const client = await scripted((request, response, body) => {
    expect([request.method, request.url]).toEqual(["POST", "/api/v1/blobs/missing"]);
    const { sha256 } = missingBlobsRequest.parse(JSON.parse(body));
    lists.push(sha256.length);
    json(response, 200, { missing: sha256.slice(0, 1) });
  });
  const digests = Array.from({ length: MAX_DIGESTS_ASKED + 5 }, (_unused, index) =>
    index.toString(16).padStart(64, "0"),
  );
  expect(await client.missingBlobs([...digests, ...digests])).toEqual([digests[0], digests[MAX_DIGESTS_ASKED]]);
  expect(lists).toEqual([MAX_DIGESTS_ASKED, 5]);
});

test("blobs that are refused are an error, those of which fewer arrive than were sent go again", async () => {
  let calls = 0;
  const client = await takesBytes((_request, response) => {
    calls += 1;
    const error = { code: "blob_mismatch", message: "not this digest", next: "Send it again." };
    return calls === 1 ? json(response, 422, { error }) : json(response, 200, { stored: calls - 2 });
  });
  const blobs = [{ sha256: "0".repeat(64), bytes: Buffer.from("x") }];
  await expect(client.putBlobs(blobs)).rejects.toMatchObject({ code: "blob_mismatch", next: "Send it again." });
  expect(calls).toBe(1);
  await client.putBlobs(blobs);
  expect(calls).toBe(3);
});

test("text is cut into lines and events wherever the chunks end", async () => {
  const text = 'id: 1\r\ndata: {"seq":1,"time":"2026-01-01T00:00:00.000Z",\ndata: "type":"ü"}\n\n: ping\n\n';
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const chunks = (async function* () {
      for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
    })();
    const found: unknown[] = [];
    for await (const event of parseEvents(lines(chunks))) found.push(event);
    expect(found).toEqual([{ seq: 1, time: "2026-01-01T00:00:00.000Z", type: "ü" }]);
  }
});
