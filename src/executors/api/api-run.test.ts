import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { assert, systemClock } from "../../base/index.ts";
import type { ApiConfig, TaskSpecInput } from "../../contracts/index.ts";
import { scratchTask } from "../executor-acceptance.ts";
import type { ApiOutcome } from "./api-report.ts";
import { runApi } from "./api-run.ts";
import { closedPort, Endpoint, sendEvents } from "./endpoint-acceptance.ts";
import { requestHeaders } from "./request-headers.ts";

type ApiInput = Extract<TaskSpecInput, { type: "api" }>["config"];

function configOf(config: ApiInput): ApiConfig {
  return scratchTask({ type: "api", config }).config as ApiConfig;
}

function run(config: ApiInput, signal = new AbortController().signal): Promise<ApiOutcome> {
  const checked = configOf(config);
  const filled = requestHeaders(checked, {});
  assert(filled.ok, "these tests have no secrets");
  return runApi({ config: checked, ...filled.value }, { clock: systemClock, signal, onProgress: () => {} });
}

const reasonOf = async (config: ApiInput): Promise<unknown> => (await run(config)).failure?.reason;
const metricNames = ({ metrics }: ApiOutcome): string[] => metrics.map(({ name }) => name);

describe("an endpoint that is right", () => {
  test("gets the request that was asked for, and every check holds", async () => {
    await using server = await Endpoint.http((_request, response) => {
      response.writeHead(201, { "content-type": "application/json", "x-kind": "greeting" });
      response.end(JSON.stringify({ items: [{ name: "é", tags: ["a"] }], total: 1 }));
    });
    const outcome = await run({
      url: `${server.url}/things?q=1`,
      method: "POST",
      headers: { "X-Team": "ml" },
      body: { json: { a: [1, null] } },
      expect: {
        status: [200, 201],
        headers: { "X-Kind": "greeting", "content-type": { matches: "^application/json" } },
        json_schema: { type: "object", required: ["items"], properties: { total: { type: "integer", minimum: 1 } } },
        json: { "items.0.name": "é", "items.0.tags": ["a"], total: 1 },
        body_contains: ["é"],
        body_matches: '"total":\\d',
      },
    });
    expect(outcome.failure).toBeNull();
    expect(server.requests).toMatchObject([
      {
        method: "POST",
        url: "/things?q=1",
        headers: { "x-team": "ml", "content-type": "application/json", "content-length": "14" },
        body: '{"a":[1,null]}',
      },
    ]);
    const address = server.url.slice("http://".length);
    expect(outcome.results).toMatchObject({ statuses: { "201": 1 }, remote_addresses: [address] });
    expect(outcome.provenance).toMatchObject({ kind: "real", proven: true });
    expect(outcome.provenance.evidence[0]?.detail).toContain(`answered by ${address}`);
  });

  test("may pack its body", async () => {
    await using server = await Endpoint.http((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync('{"ok":true}'));
    });
    expect((await run({ url: server.url, expect: { json: { ok: true } } })).failure).toBeNull();
    expect((await run({ url: server.url, method: "HEAD" })).failure).toBeNull();
  });

  test("may point elsewhere, as often as allowed", async () => {
    await using server = await Endpoint.http((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end("there");
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect(
      (await run({ url: `${server.url}/2`, max_redirects: 2, expect: { body_contains: ["there"] } })).failure,
    ).toBeNull();
    expect(await reasonOf({ url: `${server.url}/3`, max_redirects: 2 })).toBe("redirect");
    // Not followed, it is an answer like any other.
    expect((await run({ url: `${server.url}/1`, expect: { status: 302 } })).failure).toBeNull();
  });
});

describe("an endpoint that is wrong", () => {
  const answers: Record<string, { body: string | Buffer; headers?: Record<string, string>; status?: number }> = {
    status: { status: 500, body: "database\u0000 is\u001b[31m gone" },
    json: { body: '{"n": 1, "list": []}' },
    text: { body: "not json" },
    latin: { body: Buffer.from([0x68, 0xe9]) },
    packed: { body: "no gzip", headers: { "content-encoding": "gzip" } },
    odd: { body: "?", headers: { "content-encoding": "rot13" } },
    long: { body: "x".repeat(100_000) },
    bomb: { body: gzipSync(Buffer.alloc(1_000_000)), headers: { "content-encoding": "gzip" } },
  };
  test.each<{ at: string; config?: Omit<ApiInput, "url">; reason: string; says: RegExp }>([
    {
      at: "status",
      reason: "status",
      says: /500, expected 200 to 299; the body begins database\\x00 is\\x1b\[31m gone$/,
    },
    { at: "json", config: { expect: { status: [201, 204] } }, reason: "status", says: /expected 201 or 204/ },
    { at: "json", config: { expect: { headers: { "x-none": "1" } } }, reason: "header", says: /no header x-none/ },
    {
      at: "json",
      config: { expect: { json_schema: { properties: { n: { type: "string" } } } } },
      reason: "json_schema",
      says: /\/n must be string/,
    },
    { at: "json", config: { expect: { json: { "list.0": 1 } } }, reason: "json_value", says: /list\.0 is not there/ },
    { at: "json", config: { expect: { json: { "n.constructor": 1 } } }, reason: "json_value", says: /is not there/ },
    { at: "json", config: { expect: { json: { n: "1" } } }, reason: "json_value", says: /n is 1, expected "1"/ },
    { at: "text", config: { expect: { json_schema: true } }, reason: "invalid_json", says: /not json/ },
    { at: "text", config: { expect: { body_contains: ["json", "xml"] } }, reason: "body", says: /does not hold "xml"/ },
    { at: "text", config: { expect: { body_matches: "^json" } }, reason: "body", says: /does not match/ },
    { at: "latin", config: { expect: { body_contains: ["h"] } }, reason: "invalid_utf8", says: /UTF-8/ },
    { at: "packed", reason: "content_encoding", says: /not gzip/ },
    { at: "odd", reason: "content_encoding", says: /unknown/ },
    { at: "long", config: { max_body_mb: 0.05 }, reason: "body_too_large", says: /max_body_mb/ },
    { at: "bomb", config: { max_body_mb: 0.05 }, reason: "body_too_large", says: /max_body_mb/ },
    { at: "text", config: { stream: true }, reason: "not_a_stream", says: /not json/ },
  ])("$at $config: $reason", async ({ at, config, reason, says }) => {
    await using server = await Endpoint.http((request, response) => {
      const { status = 200, headers = {}, body } = answers[request.url?.slice(1) ?? ""] ?? { body: "" };
      response.writeHead(status, headers).end(body);
    });
    const { failure } = await run({ url: `${server.url}/${at}`, ...config });
    expect(failure).toMatchObject({ class: "assertion", reason, message: expect.stringMatching(says) });
  });

  test("huge headers, bodies without an end and drops of one are all bounded", async () => {
    const pouring = (response: { write: (text: string, sent: () => void) => void }): void =>
      response.write("x".repeat(65_536), () => pouring(response));
    await using endless = await Endpoint.http((_request, response) => pouring(response));
    expect(await reasonOf({ url: endless.url, max_body_mb: 1 })).toBe("body_too_large");
    await using dropping = await Endpoint.tcp((socket) => void socket.write("HTTP/1.1 200 OK\r\nx-drop"));
    expect(await reasonOf({ url: dropping.url, request_timeout_seconds: 0.2 })).toBe("request_timeout");
    await using wide = await Endpoint.tcp(
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(50_000)}\r\n\r\n`),
    );
    expect(await reasonOf({ url: wide.url })).toBe("headers_too_large");
  });
});

describe("an endpoint that cannot be reached, or breaks off", () => {
  test("is told apart from one that says no", async () => {
    const refused = await run({ url: await closedPort(), load: { requests: 50 } });
    expect(refused.failure).toMatchObject({ class: "setup", reason: "connection_refused" });
    // Nobody asks a dead endpoint for ever.
    expect(refused.results).toMatchObject({ requests: { sent: 20, answered: 0, failed: 20 } });
    expect(refused.provenance.proven).toBe(false);
    expect((await run({ url: "http://nothing.invalid/" })).failure).toMatchObject({ class: "setup", reason: "dns" });
    await using plain = await Endpoint.http((_request, response) => response.end());
    const secure = plain.url.replace("http:", "https:");
    expect((await run({ url: secure })).failure).toMatchObject({ class: "setup", reason: "tls" });
    await using silent = await Endpoint.tcp(() => {});
    const waiting = { url: silent.url.replace("http:", "https:"), request_timeout_seconds: 0.2 };
    expect((await run(waiting)).failure).toMatchObject({ class: "setup", reason: "connect_timeout" });
    await using babble = await Endpoint.tcp((socket) => void socket.end("220 mail.example ESMTP\r\n"));
    expect((await run({ url: babble.url })).failure).toMatchObject({ class: "crash", reason: "not_http" });
    await using cut = await Endpoint.http((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    expect((await run({ url: cut.url })).failure).toMatchObject({ class: "crash", reason: "connection_lost" });
  });

  test("but once it has answered, what it drops is its own failing", async () => {
    let count = 0;
    await using server = await Endpoint.http((request, response) => {
      if (++count % 2 === 0) request.socket.destroy();
      else response.end("ok");
    });
    const config: ApiInput = { url: server.url, method: "POST", load: { requests: 4 } };
    const { failure, results } = await run(config);
    expect(failure).toMatchObject({ class: "assertion", reason: "connection_lost" });
    expect(results).toMatchObject({ requests: { sent: 4, answered: 2, failed: 2 }, errors: [{ count: 2 }] });
    expect((await run({ ...config, expect: { max_error_rate: 0.5 } })).failure).toBeNull();
  });

  test("a kept connection that the server has closed costs no request that may be repeated", async () => {
    let count = 0;
    await using server = await Endpoint.http((request, response) => {
      // The second request on a connection meets its end.
      if (++count === 2) request.socket.destroy();
      else response.end("ok");
    });
    const { failure, results } = await run({ url: server.url, load: { requests: 3 } });
    expect(failure).toBeNull();
    expect(results).toMatchObject({ requests: { sent: 3, answered: 3, failed: 0 } });
    expect(count).toBe(4);
  });
});

describe("load", () => {
  test("keeps to the concurrency, uses connections again, and counts no warm-up", async () => {
    let open = 0;
    let most = 0;
    const ports = new Set<number | undefined>();
    await using server = await Endpoint.http((request, response) => {
      ports.add(request.socket.remotePort);
      most = Math.max(most, ++open);
      setImmediate(() => {
        open -= 1;
        response.end("ok");
      });
    });
    const load = { requests: 40, concurrency: 4, warmup_requests: 8 };
    const outcome = await run({ url: server.url, load, expect: { latency_ms: { p50: 60_000, max: 60_000 } } });
    expect(outcome.failure).toBeNull();
    expect(server.requests).toHaveLength(48);
    expect(most).toBe(4);
    expect(ports.size).toBe(4);
    expect(outcome.results).toMatchObject({
      load: { loop: "closed", planned_requests: 40, concurrency: 4, warmup_requests: 8 },
      latency_ms: { count: 40, p99: null },
      limits: [
        { name: "latency_ms.p50", passed: true },
        { name: "latency_ms.max", passed: true },
      ],
    });
    expect(metricNames(outcome)).toContain("latency_ms_p95");
    expect(metricNames(outcome)).not.toContain("latency_ms_p99");
  });

  test("at a rate, a stall is charged to every request that it held up", async () => {
    const { promise: stalled, resolve: goOn } = Promise.withResolvers<void>();
    let count = 0;
    await using server = await Endpoint.http((_request, response) => {
      if (++count > 1) return response.end("ok");
      return void stalled.then(() => response.end("ok"));
    });
    // One at a time: ten requests are due while the first one stalls.
    const running = run({ url: server.url, load: { rate_per_second: 1_000, duration_seconds: 0.01, concurrency: 1 } });
    systemClock.setTimer(150, goOn);
    const { results } = await running;
    expect(results).toMatchObject({ load: { loop: "open", planned_requests: 10, planned_per_second: 1_000 } });
    const { latency_ms } = results as { latency_ms: { min: number; count: number } };
    expect(latency_ms.count).toBe(10);
    // The last was due 9 ms after the first began, and could not begin before that had ended.
    expect(latency_ms.min).toBeGreaterThan(100);
  });

  test("a limit that is broken fails, and one that so few requests cannot tell is not even tried", async () => {
    await using server = await Endpoint.http((_request, response) => response.end("ok"));
    const slow = await run({ url: server.url, expect: { latency_ms: { max: 1e-6 } } });
    expect(slow.failure).toMatchObject({ class: "assertion", reason: "latency" });
    expect(slow.failure?.message).toMatch(/^latency_ms\.max is .* ms, over its limit of/);
    const before = server.requests.length;
    const few = await run({ url: server.url, load: { requests: 661 }, expect: { latency_ms: { p99: 1_000 } } });
    expect(few.failure).toMatchObject({ class: "setup", reason: "too_few_requests" });
    expect(few.failure?.message).toContain("expect.latency_ms.p99 needs at least 662 requests, the task sends 661");
    expect(server.requests).toHaveLength(before);
  });

  test("ends when it is told to, and tells what came until then", async () => {
    const controller = new AbortController();
    await using server = await Endpoint.http((_request, response) => {
      if (server.requests.length <= 3) response.end("ok");
      else controller.abort();
    });
    const { results } = await run({ url: server.url, load: { requests: 1_000 } }, controller.signal);
    expect(results).toMatchObject({ requests: { sent: 3, answered: 3, failed: 0 } });
  });

  test("an invalid schema is a mistake of the task", async () => {
    const { failure } = await run({ url: "http://127.0.0.1:1/", expect: { json_schema: { type: "strnig" } } });
    expect(failure).toMatchObject({ class: "setup", reason: "invalid_schema" });
  });
});

const delta = (content: string | null, more: object = {}): string =>
  JSON.stringify({ choices: [{ index: 0, delta: content === null ? { role: "assistant" } : { content } }], ...more });

describe("a stream", () => {
  test("is timed by its tokens, which the server counts", async () => {
    await using server = await Endpoint.http((_request, response) => {
      const usage = JSON.stringify({ choices: [], usage: { completion_tokens: 6 } });
      void sendEvents(response, [delta(null), delta("Hel"), delta("lo"), delta(" world"), usage, "[DONE]"]);
    });
    const outcome = await run({
      url: `${server.url}/v1/chat/completions`,
      method: "POST",
      stream: true,
      body: { json: { model: "m", stream: true, messages: [] } },
      load: { requests: 12 },
      expect: { body_contains: ["Hello world"], ttft_ms: { p50: 60_000 }, tpot_ms: { max: 60_000 } },
    });
    expect(outcome.failure).toBeNull();
    const { stream, latency_ms } = outcome.results as {
      stream: {
        tokens: number;
        ttft_ms: { max: number };
        tpot_ms: { count: number };
        inter_token_ms: { count: number };
      };
      latency_ms: { max: number };
    };
    expect(stream).toMatchObject({ tokens: 72, tokens_counted_by: "usage" });
    expect(stream.tpot_ms.count).toBe(12);
    // Between three events with content.
    expect(stream.inter_token_ms.count).toBe(24);
    expect(stream.ttft_ms.max).toBeLessThan(latency_ms.max);
    expect(metricNames(outcome)).toEqual(expect.arrayContaining(["ttft_ms_p50", "tpot_ms_p50", "tokens_per_second"]));
  });

  test("in another format counts every event", async () => {
    await using server = await Endpoint.http((_request, response) => void sendEvents(response, ["one", "two"]));
    const { failure, results } = await run({ url: server.url, stream: true, expect: { body_contains: ["onetwo"] } });
    expect(failure).toBeNull();
    expect(results).toMatchObject({ stream: { tokens: 2, tokens_counted_by: "chunks" } });
  });

  test.each([
    ["says an error", [delta("a"), '{"error":{"message":"out of memory"}}'], "stream_error"],
    ["ends before it is done", [delta("a")], "stream_cut"],
    ["has no content", [delta(null), "[DONE]"], "stream_empty"],
  ])("that %s has failed", async (_, events, reason) => {
    await using server = await Endpoint.http((_request, response) => void sendEvents(response, events));
    expect((await run({ url: server.url, stream: true })).failure).toMatchObject({ class: "assertion", reason });
  });
});
