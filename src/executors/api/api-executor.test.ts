import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { ApiExecutor } from "./api-executor.ts";
import { Endpoint } from "./endpoint-acceptance.ts";

const executor = new ApiExecutor();
const SECRET = "s3cr3t-v4lue";
let attempt: ScratchAttempt;
beforeEach(async () => {
  attempt = await scratchAttempt({ env: { ASSAY_SECRET_KEY: `${SECRET}\n` } });
});
afterEach(() => attempt.remove());

const withSecret = { authorization: { from_env: "ASSAY_SECRET_KEY", prefix: "Bearer " } };

test("passes, from a thread of its own", async () => {
  await using server = await Endpoint.http((_request, response) => response.end("ok"));
  const task = scratchTask({ type: "api", config: { url: server.url, load: { requests: 5 } } });
  const report = await executor.execute(task, attempt.context);
  expect(report).toMatchObject({
    status: "completed",
    results: { requests: { sent: 5, answered: 5 } },
    provenance: { kind: "real", proven: true },
  });
  expect(attempt.shown.stdout).toBe(`GET ${server.url}\npassed\n`);
});

test("a secret reaches the endpoint, and nothing else, even when the endpoint tells it", async () => {
  await using server = await Endpoint.http((request, response) => {
    const key = request.headers.authorization ?? "";
    response.writeHead(403, { "x-echo": key }).end(`${"-".repeat(190)}no right for ${key}`);
  });
  const task = scratchTask({ type: "api", config: { url: server.url, headers: withSecret } });
  const report = await executor.execute(task, attempt.context);
  expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${SECRET}`);
  expect(report.failure).toMatchObject({ reason: "status" });
  // Not even its beginning, where a long text is cut.
  expect(JSON.stringify([report, attempt.shown, attempt.progress])).not.toContain(SECRET.slice(0, 3));
});

test("a secret stays at its origin when an answer points to another", async () => {
  await using other = await Endpoint.http((_request, response) => response.end("ok"));
  await using server = await Endpoint.http((request, response) => {
    response.writeHead(307, { location: request.url === "/" ? "/again" : other.url }).end();
  });
  const headers = { "x-key": { from_env: "ASSAY_SECRET_KEY" }, "x-plain": "1" };
  const task = scratchTask({ type: "api", config: { url: server.url, headers, max_redirects: 5 } });
  expect((await executor.execute(task, attempt.context)).status).toBe("completed");
  expect(server.requests.map((request) => request.headers["x-key"])).toEqual([SECRET, SECRET]);
  expect(other.requests.map((request) => [request.headers["x-key"], request.headers["x-plain"]])).toEqual([
    [undefined, "1"],
  ]);
});

test("a secret that the worker does not have is named", async () => {
  const config = { url: "http://127.0.0.1:1/", headers: { "x-key": { from_env: "ASSAY_SECRET_OTHER" } } };
  const report = await executor.execute(scratchTask({ type: "api", config }), attempt.context);
  expect(report.failure).toMatchObject({ class: "setup", reason: "secret_missing" });
  expect(report.failure?.message).toContain("ASSAY_SECRET_OTHER");
});

test("told to stop, it tells what it has", async () => {
  await using server = await Endpoint.http((_request, response) => {
    if (server.requests.length < 3) response.end("ok");
    else attempt.abort("timeout");
  });
  const task = scratchTask({ type: "api", config: { url: server.url, load: { requests: 100 } } });
  expect(await executor.execute(task, attempt.context)).toMatchObject({
    status: "timed_out",
    partial: true,
    results: { requests: { sent: 2, answered: 2 } },
  });
});

test("a regular expression without an end is ended", async () => {
  await using server = await Endpoint.http((_request, response) => {
    response.end("a".repeat(60));
    // The thread hears no request to stop while it matches.
    systemClock.setTimer(300, () => attempt.abort("cancelled"));
  });
  const task = scratchTask({ type: "api", config: { url: server.url, expect: { body_matches: "^(a+)+b" } } });
  expect((await executor.execute(task, attempt.context)).status).toBe("cancelled");
});
