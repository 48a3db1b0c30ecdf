import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  BLOB_BATCH_TYPE,
  decodeBlobBatch,
  encodeBlobBatch,
  MAX_BATCH_BLOBS,
  MAX_BATCHED_BLOB_BYTES,
  MAX_DIGESTS_ASKED,
} from "../../contracts/index.ts";
import type { ArtifactView, BatchedBlob } from "../../contracts/index.ts";
import { sha256Of, startTestApi } from "./test-api.ts";
import type { CallOptions, TestApi } from "./test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi({ limits: { blobBytes: 100_000 } });
});
afterEach(() => api.close());

const hello = "hello, blob";
const digest = sha256Of(hello);

/** The body of a chunked request, whose size nobody says beforehand. */
const streamed = (content: string): { body: ReadableStream; duplex: "half" } => ({
  body: new Blob([content]).stream(),
  duplex: "half",
});
const put = (sha256: string, more: RequestInit): Promise<Response> =>
  api.call(`/api/v1/blobs/${sha256}`, { method: "PUT", as: "worker", ...more } as Parameters<TestApi["call"]>[1]);

async function keep(content: string): Promise<string> {
  expect((await put(sha256Of(content), { body: content })).status).toBe(200);
  return sha256Of(content);
}

describe("a blob", () => {
  test.each([
    ["as bytes", {}],
    ["as JSON, which it is not parsed as", { headers: { "content-type": "application/json" } }],
  ])("is stored %s and comes back", async (_how, more) => {
    const stored = await put(digest, { body: hello, ...more });
    expect([stored.status, await stored.json()]).toEqual([200, { sha256: digest, size_bytes: 11 }]);
    const back = await api.call(`/api/v1/blobs/${digest}`, { as: "worker" });
    expect(await back.text()).toBe(hello);
    expect(Object.fromEntries(back.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": "11",
      etag: `"${digest}"`,
      "x-content-type-options": "nosniff",
    });
  });

  test("may come in chunks, be empty, and be put again", async () => {
    expect((await put(digest, streamed(hello))).status).toBe(200);
    expect((await put(digest, streamed(hello))).status).toBe(200);
    expect((await put(sha256Of(""), {})).status).toBe(200);
    expect(await (await api.call(`/api/v1/blobs/${sha256Of("")}`)).text()).toBe("");
  });

  test("is found by HEAD, with its size", async () => {
    const head = (sha256: string): Promise<Response> => api.call(`/api/v1/blobs/${sha256}`, { method: "HEAD" });
    expect((await head(digest)).status).toBe(404);
    await keep(hello);
    const found = await head(digest);
    expect([found.status, found.headers.get("content-length")]).toEqual([200, "11"]);
  });

  test("with another digest is refused and not kept", async () => {
    const refused = await api.refused(`/api/v1/blobs/${digest}`, { method: "PUT", body: "another" });
    expect(refused).toMatchObject({
      status: 422,
      code: "blob_mismatch",
      message: expect.stringContaining(sha256Of("another")),
    });
    expect(await api.blobs.has(digest)).toBe(false);
  });

  test.each([
    ["said beforehand", (content: string) => ({ body: content })],
    ["found while reading", streamed],
  ])("over the limit is refused, its size %s", async (_when, bodyOf) => {
    const content = "x".repeat(100_001);
    const refused = await api.refused(`/api/v1/blobs/${sha256Of(content)}`, { method: "PUT", ...bodyOf(content) });
    expect(refused).toMatchObject({ status: 413, code: "blob_too_large" });
    expect(await api.blobs.has(sha256Of(content))).toBe(false);
  });

  test("whose upload breaks off leaves nothing", async () => {
    const { hostname, port } = new URL(api.url);
    const broken = Promise.withResolvers<unknown>();
    const store = api.blobs.put.bind(api.blobs);
    api.blobs.put = (sha256, content, limits) => {
      const stored = store(sha256, content, limits);
      stored.catch(broken.resolve);
      return stored;
    };
    const socket = connect(Number(port), hostname);
    const head = `PUT /api/v1/blobs/${digest} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token-of-worker\r\ncontent-length: 11\r\n\r\n`;
    socket.write(`${head}hello`, () => socket.destroy());
    expect(await broken.promise).toMatchObject({ code: "ECONNRESET" });
    expect(await api.blobs.has(digest)).toBe(false);
  });

  test.each(["..%2f..%2fetc%2fpasswd", "%2e%2e", `${"a".repeat(63)}%2f`, "A".repeat(64), "..", "%00"])(
    "is never looked for outside the store: %s",
    async (name) => {
      for (const method of ["GET", "PUT", "HEAD"]) {
        const { status } = await api.call(`/api/v1/blobs/${name}`, {
          method,
          ...(method === "PUT" ? { body: "x" } : {}),
        });
        expect([400, 404]).toContain(status);
      }
      const raw = connect(Number(new URL(api.url).port), "127.0.0.1");
      raw.write(
        `GET /api/v1/blobs/${name} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token-of-worker\r\nconnection: close\r\n\r\n`,
      );
      expect(await text(raw)).toMatch(/^HTTP\/1\.1 40[04] /);
    },
  );

  test.each([
    { range: "bytes=2-4", status: 206, content: "llo", part: "bytes 2-4/11" },
    { range: "bytes=7-", status: 206, content: "blob", part: "bytes 7-10/11" },
    { range: "bytes=-4", status: 206, content: "blob", part: "bytes 7-10/11" },
    { range: "bytes=7-99", status: 206, content: "blob", part: "bytes 7-10/11" },
    { range: "bytes=-99", status: 206, content: hello, part: "bytes 0-10/11" },
    { range: "bytes=0-1,4-5", status: 200, content: hello, part: null },
    { range: "bytes=4-2", status: 200, content: hello, part: null },
    { range: "lines=1-2", status: 200, content: hello, part: null },
    { range: "bytes=-", status: 200, content: hello, part: null },
  ])("is read in ranges: $range", async ({ range, status, content, part }) => {
    await keep(hello);
    const response = await api.call(`/api/v1/blobs/${digest}`, { headers: { range } });
    expect([response.status, await response.text(), response.headers.get("content-range")]).toEqual([
      status,
      content,
      part,
    ]);
  });

  test.each(["bytes=11-", "bytes=99-100", "bytes=-0"])("has nothing at %s", async (range) => {
    await keep(hello);
    const { status, code, headers } = await api.refused(`/api/v1/blobs/${digest}`, { headers: { range } });
    expect({ status, code, range: headers.get("content-range") }).toEqual({
      status: 416,
      code: "bad_request",
      range: "bytes */11",
    });
  });
});

describe("many blobs", () => {
  const blob = (content: string): BatchedBlob => ({ sha256: sha256Of(content), bytes: Buffer.from(content) });
  const send = (batch: RequestInit["body"], more: object = {}): CallOptions => ({
    ...{ method: "POST", body: batch ?? null, as: "submitter", headers: { "content-type": BLOB_BATCH_TYPE } },
    ...more,
  });
  const ask = async (sha256s: readonly string[]): Promise<BatchedBlob[]> => {
    const answer = await api.call("/api/v1/blobs/read", { json: { sha256: sha256s }, as: "worker" });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, BLOB_BATCH_TYPE]);
    return answer.body === null ? [] : Readable.from(decodeBlobBatch(answer.body)).toArray();
  };

  test("travel in one request each way, and those that are missing are told", async () => {
    const blobs = Array.from({ length: 300 }, (_unused, index) => blob(`blob ${index}`));
    const absent = blob("absent");
    const wanted = [absent, ...blobs].map(({ sha256 }) => sha256);
    const missing = async (): Promise<unknown> =>
      (await api.call("/api/v1/blobs/missing", { json: { sha256: wanted }, as: "submitter" })).json();
    expect(await missing()).toEqual({ missing: wanted });
    const stored = await api.call("/api/v1/blobs", send(encodeBlobBatch([...blobs, blob("blob 1")])));
    expect([stored.status, await stored.json()]).toEqual([200, { stored: 301 }]);
    expect(await missing()).toEqual({ missing: [absent.sha256] });
    const back = await ask(wanted.toReversed());
    expect(back.map(({ sha256 }) => sha256)).toEqual(wanted.slice(1).toReversed());
    for (const { sha256, bytes } of back) expect(sha256Of(bytes)).toBe(sha256);
    expect(await ask([])).toEqual([]);
  });

  test("are asked about in long lists, up to a limit", async () => {
    const digests = Array.from({ length: MAX_DIGESTS_ASKED }, (_unused, index) => sha256Of(String(index)));
    const answer = await api.call("/api/v1/blobs/missing", { json: { sha256: digests } });
    expect(((await answer.json()) as { missing: string[] }).missing).toHaveLength(MAX_DIGESTS_ASKED);
    const longer = { json: { sha256: [...digests, digest] } };
    expect(await api.refused("/api/v1/blobs/missing", longer)).toMatchObject({ status: 400, code: "invalid_field" });
    const endless = { json: { sha256: [...digests, ...digests] } };
    expect(await api.refused("/api/v1/blobs/missing", endless)).toMatchObject({ status: 413, code: "bad_request" });
    const more = { json: { sha256: digests.slice(0, MAX_BATCH_BLOBS + 1) } };
    expect(await api.refused("/api/v1/blobs/read", more)).toMatchObject({ status: 400, code: "invalid_field" });
    expect(await api.refused("/api/v1/blobs/read", { json: { sha256: ["../x"] } })).toMatchObject({ status: 400 });
  });

  test("fill an answer as far as it goes, without those that go alone", async () => {
    const large = Array.from({ length: 17 }, (_unused, index) => Buffer.alloc(MAX_BATCHED_BLOB_BYTES, index));
    const alone = Buffer.alloc(MAX_BATCHED_BLOB_BYTES + 1);
    await api.blobs.putAll([...large, alone].map((bytes) => ({ sha256: sha256Of(bytes), bytes })));
    const wanted = [alone, ...large].map(sha256Of);
    expect((await ask([...wanted, sha256Of(alone)])).map(({ sha256 }) => sha256)).toEqual(wanted.slice(1, 16));
    expect((await ask(wanted.slice(16))).map(({ sha256 }) => sha256)).toEqual(wanted.slice(16));
  });

  test.each([
    [
      "with a wrong digest",
      [{ sha256: digest, bytes: Buffer.from("another") }],
      { status: 422, code: "blob_mismatch" },
    ],
    [
      "over the limit",
      [{ sha256: digest, bytes: Buffer.alloc(MAX_BATCHED_BLOB_BYTES + 1) }],
      { status: 413, code: "blob_too_large" },
    ],
  ])("end at one %s, on a connection that goes on", async (_how, bad, refusal) => {
    const rest = Array.from({ length: 12 }, (_unused, index) => ({
      sha256: sha256Of(String(index)),
      bytes: Buffer.alloc(MAX_BATCHED_BLOB_BYTES, String(index)),
    }));
    const batch = encodeBlobBatch([blob("before"), ...bad, ...rest]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports: unknown[] = [];
    const post = async (body: Uint8Array): Promise<unknown> => {
      const headers = { authorization: "Bearer token-of-submitter", "content-length": body.length };
      const request = httpRequest(`${api.url}/api/v1/blobs`, { method: "POST", headers, agent }).end(body);
      const [response] = (await once(request, "response")) as [IncomingMessage];
      ports.push(response.socket.localPort);
      const parsed = JSON.parse(await text(response)) as { stored?: number; error?: { code: string } };
      return { status: response.statusCode, code: parsed.error?.code ?? parsed.stored };
    };
    try {
      expect(await post(batch)).toEqual(refusal);
      expect(await api.blobs.has(digest)).toBe(false);
      expect(await post(encodeBlobBatch([blob("after")]))).toEqual({ status: 200, code: 1 });
      expect(ports[0]).toBe(ports[1]);
    } finally {
      agent.destroy();
    }
  });

  test("that come in part, or are no batch, are refused", async () => {
    const batch = encodeBlobBatch([blob("whole"), blob("in part")]);
    for (const body of [batch.subarray(0, -1), new Blob([batch.subarray(0, -8)]).stream(), Buffer.from("{}")]) {
      const refused = await api.refused("/api/v1/blobs", send(body, { duplex: "half" }));
      expect(refused).toMatchObject({ status: 400, code: "bad_blob_batch" });
    }
    expect([await api.blobs.has(sha256Of("whole")), await api.blobs.has(sha256Of("in part"))]).toEqual([true, false]);
  });

  test("that cannot be read any more break the answer off", async () => {
    const blobs = Array.from({ length: 100 }, (_unused, index) => blob(`blob ${index}`));
    await api.blobs.putAll(blobs);
    const readSmall = api.blobs.readSmall.bind(api.blobs);
    const wanted = blobs.map(({ sha256 }) => sha256);
    let fails = wanted[99];
    api.blobs.readSmall = async (sha256, maxBytes) => {
      if (sha256 === fails) throw new Error("the disk is gone");
      return readSmall(sha256, maxBytes);
    };
    await expect(ask(wanted)).rejects.toThrow("terminated");
    fails = wanted[0];
    expect((await api.refused("/api/v1/blobs/read", { json: { sha256: wanted } })).code).toBe("internal");
  });
});

describe("the content of an artifact", () => {
  const artifact = (more: Partial<ArtifactView>): ArtifactView => ({
    run_id: "r",
    task_id: "t",
    attempt: 1,
    name: "report.html",
    sha256: digest,
    size_bytes: 11,
    content_type: "text/html; charset=utf-8",
    ...more,
  });
  const download = (query = ""): Promise<Response> =>
    api.call(`/api/v1/artifacts/${digest}/content${query}`, { as: "viewer" });

  test("has the type and name of its record, and is only ever saved", async () => {
    await keep(hello);
    api.fake.artifacts.push(artifact({}), artifact({ run_id: "other", name: "copy.txt", content_type: "text/plain" }));
    const response = await download();
    expect(await response.text()).toBe(hello);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-disposition": `attachment; filename="report.html"; filename*=UTF-8''report.html`,
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
    });
    expect((await download("?run_id=other")).headers.get("content-disposition")).toContain("copy.txt");
  });

  test.each([
    ["../../etc/passwd", `filename="passwd"; filename*=UTF-8''passwd`],
    ["C:\\temp\\a b.txt", `filename="a b.txt"; filename*=UTF-8''a%20b.txt`],
    ['x"; filename="evil.exe', `filename="x__ filename__evil.exe"; filename*=UTF-8''x%22%3B%20filename%3D%22evil.exe`],
    ["naïve 模型.onnx", `filename="na_ve __.onnx"; filename*=UTF-8''na%C3%AFve%20%E6%A8%A1%E5%9E%8B.onnx`],
    ["a\r\nset-cookie: x=1", `filename="a__set-cookie_ x_1"; filename*=UTF-8''a%0D%0Aset-cookie%3A%20x%3D1`],
    ["\ud800", `filename="_"; filename*=UTF-8''%EF%BF%BD`],
    ["folder/", `filename="artifact"; filename*=UTF-8''artifact`],
  ])("takes no harm from the name %j", async (name, disposition) => {
    await keep(hello);
    api.fake.artifacts.push(artifact({ name }));
    expect((await download()).headers.get("content-disposition")).toBe(`attachment; ${disposition}`);
  });

  test.each(["text/html\r\nset-cookie: x=1", "nonsense", "", "text/html; charset=utf-8, text/plain"])(
    "takes no harm from the type %j",
    async (contentType) => {
      await keep(hello);
      api.fake.artifacts.push(artifact({ content_type: contentType }));
      expect((await download()).headers.get("content-type")).toBe("application/octet-stream");
    },
  );

  test("without a record is bytes named by their digest, and without a blob is not there", async () => {
    expect((await api.refused(`/api/v1/artifacts/${digest}/content`)).code).toBe("not_found");
    await keep(hello);
    expect((await download()).headers.get("content-disposition")).toContain(`filename="${digest}"`);
  });

  test("that cannot be read any more is an error, not half an answer", async () => {
    await keep(hello);
    api.blobs.openRead = async () => ({
      sizeBytes: 11,
      content: Object.assign(failing(), { destroy: () => undefined }),
    });
    const { status, code, headers } = await api.refused(`/api/v1/artifacts/${digest}/content`);
    expect({ status, code, name: headers.get("content-disposition") }).toEqual({
      status: 500,
      code: "internal",
      name: null,
    });
  });
});

// oxlint-disable-next-line require-yield -- the point is that nothing comes
async function* failing(): AsyncGenerator<Uint8Array> {
  throw new Error("the disk is gone");
}
