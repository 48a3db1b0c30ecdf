import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect as tlsConnect } from "node:tls";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { errorMessage } from "../../base/index.ts";
import { MAX_SUITE_BYTES, assayError } from "../../contracts/index.ts";
import { taskViewOf } from "./fake-coordinator.ts";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.close());

const command = (taskId: string): object => ({ task_id: taskId, type: "command", config: { command: "true" } });
const run = { name: "smoke", tasks: [command("a")] };

/** Sends bytes as they are and gives everything that comes back. */
function exchange(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  socket.write(bytes);
  return text(socket);
}

describe("submitting a run", () => {
  test("passes the checked document, the sender and the key on, and answers 201, then 200 for the same key", async () => {
    const submit = { as: "submitter", json: run, headers: { "idempotency-key": "k-1" } } as const;
    const first = await api.call("/api/v1/runs", submit);
    expect([first.status, first.headers.get("location")]).toEqual([201, "/api/v1/runs/run-1"]);
    expect(await first.json()).toEqual({ run_id: "run-1", tasks: 1, duplicate: false });
    const second = await api.call("/api/v1/runs", submit);
    expect([second.status, await second.json()]).toEqual([200, { run_id: "run-1", tasks: 1, duplicate: true }]);
    const [, request, origin] = api.fake.calls[0] ?? [];
    expect(request).toMatchObject({ name: "smoke", wait_for_capacity: false, tasks: [{ task_id: "a", priority: 50 }] });
    expect(origin).toEqual({ by: expect.objectContaining({ role: "submitter" }), idempotencyKey: "k-1" });
  });

  test("without a key passes none", async () => {
    await api.call("/api/v1/runs", { json: run });
    expect(api.fake.calls[0]?.[2]).toMatchObject({ idempotencyKey: null });
  });

  test.each([
    [{ ...run, tsks: [] }, "unknown_field", "tsks"],
    [
      { ...run, tasks: [command("a"), { ...command("b"), config: { command: "x", shel: "sh" } }] },
      "unknown_field",
      "tasks[1].config.shel",
    ],
    [
      { ...run, tasks: [{ task_id: "m", type: "model", config: { model: "x", batch_sizes: [0] } }] },
      "invalid_field",
      "tasks[0].config.batch_sizes[0]",
    ],
    [{ ...run, tasks: [{ ...command("a"), labels: { "a b": 1 } }] }, "invalid_field", 'tasks[0].labels["a b"]'],
    [{ tasks: run.tasks }, "invalid_field", "name"],
    [{ ...run, tasks: [] }, "invalid_field", "tasks"],
    [{ ...run, name: "../etc" }, "invalid_field", "name"],
  ])("refuses %j with %s at %s", async (json, code, path) => {
    expect(await api.refused("/api/v1/runs", { json })).toMatchObject({
      status: 400,
      code,
      path,
      message: expect.stringContaining(path),
      next: expect.stringMatching(/./),
    });
    expect(api.fake.calls).toEqual([]);
  });

  test("names at most 20 problems and counts the others", async () => {
    const tasks = Array.from({ length: 25 }, (_unused, index) => ({ ...command(`t${index}`), priority: 101 }));
    const { message, path } = await api.refused("/api/v1/runs", { json: { name: "many", tasks } });
    expect(path).toBe("tasks[0].priority");
    expect(message).toContain("tasks[19].priority");
    expect(message).not.toContain("tasks[20].priority");
    expect(message).toContain("and 5 more");
  });

  test("refuses what is not JSON, not said to be JSON, or not there", async () => {
    const json = { "content-type": "application/json" };
    const refused = (body: string, headers: Record<string, string> = json) =>
      api.refused("/api/v1/runs", { method: "POST", body, headers });
    expect(await refused("{")).toMatchObject({ status: 400, code: "bad_request" });
    expect(await refused('{"name": "x", "__proto__": {"a": 1}}')).toMatchObject({ status: 400, code: "bad_request" });
    expect(await refused("name: x", { "content-type": "text/yaml" })).toMatchObject({
      status: 415,
      code: "bad_request",
    });
    expect(await refused("name: x", { "content-type": "text/plain" })).toMatchObject({
      status: 415,
      code: "bad_request",
    });
    expect(await api.refused("/api/v1/runs", { method: "POST" })).toMatchObject({ status: 400, code: "invalid_field" });
  });

  test.each([
    ["said beforehand", () => "x".repeat(MAX_SUITE_BYTES + 1), {}],
    ["found while reading", () => new Blob(["x".repeat(MAX_SUITE_BYTES + 1)]).stream(), { duplex: "half" as const }],
  ])("refuses a suite over 8 MiB, its size %s", async (_when, body, more) => {
    const request = { method: "POST", body: body(), headers: { "content-type": "application/json" }, ...more };
    expect(await api.refused("/api/v1/runs", request)).toMatchObject({ status: 413, code: "suite_too_large" });
  });

  test("takes a suite just below the limit", async () => {
    const tasks = Array.from({ length: 100 }, (_unused, index) => ({
      task_id: `t${index}`,
      type: "command",
      config: { command: "x".repeat(80_000) },
    }));
    expect((await api.call("/api/v1/runs", { json: { name: "large", tasks } })).status).toBe(201);
  });
});

describe("requests", () => {
  test("of lists get defaults, and pages that follow each other", async () => {
    for (let count = 0; count < 3; count += 1) await api.call("/api/v1/runs", { json: run });
    const list = async (query: string): Promise<{ items: { run_id: string }[]; next_cursor: string | null }> =>
      (await api.call(`/api/v1/runs${query}`)).json() as Promise<{
        items: { run_id: string }[];
        next_cursor: string | null;
      }>;
    expect((await list("")).next_cursor).toBeNull();
    expect(api.fake.calls.at(-1)).toEqual(["runs", { limit: 100 }]);
    const first = await list("?limit=2");
    const second = await list(`?limit=2&cursor=${first.next_cursor}`);
    expect([...first.items, ...second.items].map((item) => item.run_id)).toEqual(["run-1", "run-2", "run-3"]);
    expect(second.next_cursor).toBeNull();
  });

  test("of a list with an endless cursor are refused", async () => {
    expect(await api.refused(`/api/v1/runs?cursor=${"x".repeat(501)}`)).toMatchObject({ status: 400, path: "cursor" });
  });

  test.each([
    ["limit=0", "invalid_field", "limit"],
    ["limit=1001", "invalid_field", "limit"],
    ["limit=many", "invalid_field", "limit"],
    ["limit=1&limit=2", "invalid_field", "limit"],
    ["state=sleeping", "invalid_field", "state"],
    ["sort=name", "unknown_field", "sort"],
  ])("of a list with ?%s are refused with %s", async (query, code, path) => {
    expect(await api.refused(`/api/v1/runs?${query}`)).toMatchObject({ status: 400, code, path });
  });

  test("find tasks whatever their ids are made of", async () => {
    const taskId = "suite/test_x.py::test[a=1,b-2]@gpu";
    api.fake.tasks.set(`run:1 ${taskId}`, taskViewOf("run:1", taskId));
    const path = `/api/v1/tasks/${encodeURIComponent("run:1")}/${encodeURIComponent(taskId)}`;
    expect(await (await api.call(path)).json()).toMatchObject({ run_id: "run:1", task_id: taskId });
    expect(await (await api.call(`${path}/explain`)).json()).toMatchObject({ task_id: taskId, ahead: 3 });
    expect((await api.call(`${path}/cancel`, { json: { reason: "no need" } })).status).toBe(204);
    expect(api.fake.calls).toEqual([
      ["cancelTask", { runId: "run:1", taskId }, { by: expect.objectContaining({ role: "admin" }), reason: "no need" }],
    ]);
  });

  test("without a body mean its defaults", async () => {
    expect((await api.call("/api/v1/runs/none/cancel", { method: "POST" })).status).toBe(404);
    const origin = expect.objectContaining({ reason: "asked by a person" });
    expect(api.fake.calls).toEqual([["cancelRun", "none", origin]]);
  });

  test("about a worker reach whoever decides, with who asked and why", async () => {
    for (const word of ["quarantine", "release"])
      expect((await api.call(`/api/v1/workers/w1/${word}`, { json: { reason: "smoke" } })).status).toBe(204);
    const asked = expect.objectContaining({ by: expect.objectContaining({ role: "admin" }), reason: "smoke" });
    expect(api.fake.calls).toEqual([
      ["quarantineWorker", "w1", asked],
      ["releaseWorker", "w1", asked],
    ]);
  });

  test("for what is not there are answered 404", async () => {
    for (const path of ["/api/v1/runs/none", "/api/v1/tasks/none/none", "/api/v1/workers/none", "/api/v1/nothing"]) {
      expect(await api.refused(path)).toMatchObject({ status: 404, code: "not_found" });
    }
    expect(await api.refused("/api/v1/runs/none/cancel", { method: "POST" })).toMatchObject({
      status: 404,
      code: "not_found",
    });
    expect(await api.refused("/api/v1/status", { method: "PATCH" })).toMatchObject({ status: 404, code: "not_found" });
  });

  test("for SQL, tokens and hashes arrive", async () => {
    expect(await (await api.call("/api/v1/query", { json: { sql: "SELECT 1", max_rows: 5 } })).json()).toMatchObject({
      rows: [[1, { nested: ["any", null] }]],
    });
    expect(api.fake.calls).toEqual([["sql", "SELECT 1", 5]]);
    const made = await api.call("/api/v1/tokens", { json: { role: "viewer", name: "screen" } });
    expect([made.status, await made.json()]).toEqual([
      201,
      expect.objectContaining({ token_id: "token-1", role: "viewer" }),
    ]);
    expect(await (await api.call("/api/v1/tokens")).json()).toMatchObject({ items: [{ role: "tab", name: "phone" }] });
    expect((await api.call("/api/v1/tokens/token-1", { method: "DELETE" })).status).toBe(204);
    expect(await (await api.call("/api/v1/state-hash")).json()).toMatchObject({ equal: true });
  });

  test("that are hardly HTTP are answered in the same form", async () => {
    expect(await exchange("NONSENSE\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 [^]*"code":"bad_request"/);
    expect(await exchange("GET /api/v1/runs/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 400 [^]*"code":"bad_request"/,
    );
    expect(await exchange(`GET / HTTP/1.1\r\nhost: x\r\nlong: ${"x".repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 [^]*"code":"bad_request"/,
    );
  });

  test("whose headers do not end are given up", async () => {
    await api.close();
    api = await startTestApi({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } });
    expect(await exchange("GET /healthz HTTP/1.1\r\nhost: x\r\nslow: ")).toMatch(
      /^HTTP\/1\.1 408 [^]*did not arrive in time/,
    );
  });
});

describe("errors", () => {
  test("of the catalogue keep their code, path and next step", async () => {
    api.fake.failure = assayError("impossible_requirement", "No worker has cuda", { path: "tasks[0].requirements" });
    expect(await api.refused("/api/v1/tasks/r/t/explain")).toMatchObject({
      status: 422,
      code: "impossible_requirement",
      message: "No worker has cuda",
      path: "tasks[0].requirements",
      next: expect.stringContaining("start a worker"),
    });
  });

  test("that nobody foresaw tell the client nothing, and the log everything but tokens", async () => {
    const token = `assay_admin_${"A".repeat(43)}`;
    api.fake.failure = new Error(`cannot open /secret/place with ${token}`, { cause: new Error("the disk is gone") });
    const { status, code, message } = await api.refused("/api/v1/tasks/r/t/explain");
    expect({ status, code }).toEqual({ status: 500, code: "internal" });
    expect(message).not.toMatch(/secret|assay_admin|disk/);
    const logged =
      api
        .log()
        .split("\n")
        .find((line) => line.includes("request failed")) ?? "";
    expect(logged).toContain("/secret/place");
    expect(logged).toContain("the disk is gone");
    expect(message).toContain((JSON.parse(logged) as { reqId: string }).reqId);
    expect(api.log()).not.toContain(token);
  });

  test("of a read model that breaks its own schema are the server's", async () => {
    api.fake.tasks.set("r t", { ...taskViewOf("r", "t"), status: "dreaming" as "queued" });
    expect(await api.refused("/api/v1/tasks/r/t")).toMatchObject({ status: 500, code: "internal" });
  });

  test("never show in the log the tokens that were sent", async () => {
    const token = `assay_viewer_${"B".repeat(43)}`;
    await api.call("/api/v1/status", { as: null, headers: { authorization: `Bearer ${token}` } });
    await api.call(`/api/v1/runs?token=${token}`);
    expect(api.log()).toContain('"status":401');
    expect(api.log()).not.toContain(token);
  });
});

describe("health", () => {
  test("is two things: alive, and ready to lead", async () => {
    expect(await (await api.call("/healthz", { as: null })).json()).toEqual({ alive: true });
    expect(await (await api.call("/readyz", { as: null })).json()).toEqual({ ready: true });
    api.fake.leads = false;
    expect((await api.call("/healthz", { as: null })).status).toBe(200);
    const { status, code, headers } = await api.refused("/readyz", { as: null });
    expect({ status, code, retryAfter: headers.get("retry-after") }).toEqual({
      status: 503,
      code: "not_leader",
      retryAfter: "1",
    });
  });
});

describe("headers", () => {
  test("keep answers out of caches and browsers from guessing, on errors too", async () => {
    for (const path of ["/api/v1/status", "/api/v1/nothing", "/healthz"]) {
      const { headers } = await api.call(path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-powered-by")).toBeNull();
    }
    expect((await api.call("/api/v1/status", { as: null })).headers.get("www-authenticate")).toBe("Bearer");
  });
});

describe("stopping", () => {
  test("ends streams and connections that stay open, and lets a request under way finish", async () => {
    const reached = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<null>();
    api.fake.readModel.run = () => {
      reached.resolve();
      return answer.promise;
    };
    const events = await api.call("/api/v1/events");
    const slow = api.call("/api/v1/runs/r");
    await reached.promise;
    const closed = api.app.close();
    expect(await events.text()).toMatch(/^retry: /);
    answer.resolve(null);
    const late = await slow;
    expect([late.status, late.headers.get("connection")]).toEqual([404, "close"]);
    await late.text();
    await closed;
    await expect(api.call("/healthz")).rejects.toThrow();
  });
});

describe("stopping while a download is half done", () => {
  test("lets it finish, and does not wait for its connection to be used again", async () => {
    const closing = Promise.withResolvers<void>();
    api.blobs.sizeOf = async () => 10;
    api.blobs.openRead = async () => ({
      sizeBytes: 10,
      content: Object.assign(halves(closing.promise), { destroy: () => undefined }),
    });
    const download = await api.call(`/api/v1/blobs/${"a".repeat(64)}`);
    const closed = api.app.close();
    await vi.waitFor(() => expect(api.app.server.listening).toBe(false));
    closing.resolve();
    expect(await download.text()).toBe("half1half2");
    await closed;
  });

  test("does not wait for a connection on which nobody ever asked for anything", async () => {
    const accepted = once(api.app.server, "connection");
    const silent = connect(Number(new URL(api.url).port), "127.0.0.1");
    await accepted;
    const ended = once(silent, "close");
    silent.resume();
    // Without it the server waits for the time in which headers have to come: longer than a test may take.
    await Promise.all([api.app.close(), ended]);
  });
});

async function* halves(between: Promise<void>): AsyncGenerator<Uint8Array> {
  yield Buffer.from("half1");
  await between;
  yield Buffer.from("half2");
}

interface Schema {
  $ref?: string;
}
interface Operation {
  operationId: string;
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: Schema }> }>;
}
interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
}

describe("openapi.json", () => {
  let document: OpenApiDocument;
  let routes: string[];
  beforeEach(async () => {
    await api.close();
    routes = [];
    api = await startTestApi({
      prepare: (app) => void app.addHook("onRoute", ({ method, url }) => void routes.push(`${String(method)} ${url}`)),
    });
    document = (await (await api.call("/openapi.json")).json()) as OpenApiDocument;
  });

  test("is OpenAPI 3.1 and lists every route", () => {
    expect(document.openapi).toBe("3.1.0");
    const listed = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`),
    );
    // The page that tabs join by is for people.
    const forPrograms = routes.filter((route) => !/^\w+ \/join(\/|$)/.test(route));
    expect(listed.toSorted()).toEqual(forPrograms.toSorted());
  });

  test("gives every operation its own id, its path parameters, its answers and its errors", () => {
    const ids = new Set<string>();
    for (const [path, operations] of Object.entries(document.paths)) {
      const expected = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      for (const [method, operation] of Object.entries(operations)) {
        const { operationId, parameters = [], responses } = operation;
        expect(ids).not.toContain(operationId);
        ids.add(operationId);
        const inPath = parameters.filter((parameter) => parameter.in === "path");
        expect(inPath.map(({ name }) => name)).toEqual(expected);
        expect(inPath.every(({ required }) => required)).toBe(true);
        expect(Object.keys(responses).some((status) => status.startsWith("2"))).toBe(true);
        expect(responses["4XX"]?.content?.["application/json"]?.schema).toEqual({ $ref: "#/components/schemas/Error" });
        expect(Object.values(responses).every(({ description }) => typeof description === "string")).toBe(true);
        if (responses["204"] !== undefined) expect(responses["204"].content).toBeUndefined();
        const isJoining = method === "post" && path === "/api/v1/join";
        const open = path === "/healthz" || path === "/readyz" || isJoining;
        expect([method, path, operation.security]).toEqual([method, path, open ? [] : undefined]);
      }
    }
  });

  test("refers only to what it holds", () => {
    const references: string[] = [];
    JSON.stringify(document, (key, value: unknown) => {
      if (key === "$ref") references.push(String(value));
      return value;
    });
    expect(references.length).toBeGreaterThan(20);
    for (const reference of new Set(references)) {
      expect(reference).toMatch(/^#\/components\/schemas\/\w+$/);
      expect(Object.keys(document.components.schemas)).toContain(reference.split("/").at(-1));
    }
  });

  test("describes the documents as the contracts do", () => {
    const submit = document.paths["/api/v1/runs"]?.["post"];
    expect(submit?.requestBody?.content["application/json"]?.schema).toMatchObject({
      required: ["name", "tasks"],
      additionalProperties: false,
      properties: { tasks: { items: { $ref: "#/components/schemas/TaskSpecInput" } } },
    });
    expect(submit?.parameters).toContainEqual(
      expect.objectContaining({ name: "idempotency-key", in: "header", required: false }),
    );
    expect(document.components.securitySchemes).toEqual({ token: { type: "http", scheme: "bearer" } });
  });
});

const openssl = spawnSync("openssl", ["version"]).status === 0;

describe("TLS", () => {
  test.skipIf(!openssl)("is 1.3 only (skipped where openssl is not installed: it makes the certificate)", async () => {
    const folder = await mkdtemp(join(tmpdir(), "assay-tls-"));
    const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
    execFileSync("openssl", ["req", "-x509", ...kind, ...names, "-keyout", keyFile, "-out", certFile], {
      stdio: "pipe",
    });
    const [key, cert] = [await readFile(keyFile, "utf8"), await readFile(certFile, "utf8")];
    await rm(folder, { recursive: true });
    const secure = await startTestApi({ tls: { key, cert } });
    try {
      const { port } = new URL(secure.url);
      const body = await new Promise<string>((resolve, reject) => {
        const headers = { authorization: "Bearer token-of-viewer" };
        httpsRequest(
          `${secure.url}/api/v1/status`,
          { ca: cert, headers, agent: false },
          (response) => void text(response).then(resolve, reject),
        )
          .on("error", reject)
          .end();
      });
      expect(JSON.parse(body)).toMatchObject({ epoch: 1 });
      const old = await new Promise<string>((resolve) => {
        const socket = tlsConnect({ port: Number(port), host: "127.0.0.1", ca: cert, maxVersion: "TLSv1.2" });
        socket.on("secureConnect", () => resolve("connected"));
        socket.on("error", (error) => resolve(errorMessage(error)));
      });
      expect(old).toMatch(/protocol version/i);
      await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    } finally {
      await secure.close();
    }
  });

  test("files that are none are refused before anything listens", async () => {
    await expect(startTestApi({ tls: { key: "no key", cert: "no certificate" } })).rejects.toMatchObject({
      code: "tls_files",
    });
  });
});
