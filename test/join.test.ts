import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { Client } from "../src/client/index.ts";
import { PROTOCOL_VERSION } from "../src/contracts/index.ts";
import type { SubmitRunInput, TaskSpecInput, WorkerView } from "../src/contracts/index.ts";
import { headlessShell } from "../src/executors/model/browser/headless-shell.ts";
import { launchBrowser } from "../src/executors/model/browser/launch-browser.ts";
import { all, assay, eventually, Site, until } from "./support/assay-process.ts";
import type { RunningCoordinator } from "./support/assay-process.ts";

let site: Site;
let coordinator: RunningCoordinator;
let client: Client;
let cache: string;
let browser: Browser;

beforeAll(async () => {
  site = await Site.open();
  cache = await mkdtemp(join(tmpdir(), "assay-shell-"));
  const [started, shell] = await Promise.all([site.coordinator(), headlessShell(cache)]);
  coordinator = started;
  client = coordinator.client;
  if (shell === undefined) throw new Error("@sparticuz/chromium is not installed");
  browser = await launchBrowser({
    name: "headless-shell",
    executablePath: shell.executable,
    signal: new AbortController().signal,
    onStarted: () => undefined,
  });
});
afterAll(async () => {
  await browser.close();
  await site[Symbol.asyncDispose]();
  await rm(cache, { recursive: true, force: true });
});

interface Joining {
  address: string;
  code: string;
  worker_id: string;
  name: string;
  pool: string;
}

async function makeCode(name: string): Promise<Joining> {
  const { code, stdout, stderr } = await assay("join", "--json", "--name", name, ...coordinator.flags);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Joining;
}

/** Opens a page in a browser profile of its own: a device of its own. */
async function open(address: string, prepare?: (page: Page) => Promise<unknown>): Promise<Page> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await prepare?.(page);
  await page.goto(address);
  return page;
}

function shown(page: Page, pattern: RegExp): Promise<string> {
  return eventually(`${pattern} on the page`, async () => {
    const text = await page.$eval("main", (main) => (main as unknown as { innerText: string }).innerText);
    if (pattern.test(text)) return text;
    throw new Error(text);
  });
}

function workerIn(workerId: string, ...states: WorkerView["status"][]): Promise<WorkerView> {
  return eventually(`worker ${workerId} ${states.join(" or ")}`, async () => {
    const worker = (await all(client.workers())).find(({ worker_id: id }) => id === workerId);
    return worker && states.includes(worker.status) ? worker : undefined;
  });
}

function modelTask(taskId: string, changes: { iterations?: number; backend?: string } = {}): TaskSpecInput {
  const { iterations = 3, backend = "tab/wasm" } = changes;
  return {
    task_id: taskId,
    type: "model",
    requirements: { backend },
    config: { model: "tiny-bert", batch_sizes: [1], iterations, min_duration_seconds: 0, sequence_length: 16 },
  };
}

async function submit(name: string, task: TaskSpecInput): Promise<string> {
  const request: SubmitRunInput = { name, pool: "tabs", wait_for_capacity: true, tasks: [task] };
  return (await client.submitRun(request)).run_id;
}

const exchange = async (code: string): Promise<number> =>
  (
    await fetch(`${coordinator.url}/api/v1/join`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code }),
    })
  ).status;

/** What a machine that says hello with this token is answered: it is another worker, and offers more. */
async function answerToMachine(token: string): Promise<[code: number, reason: Buffer]> {
  const headers = { authorization: `Bearer ${token}` };
  const socket = new WebSocket(`${coordinator.url.replace("http", "ws")}/api/v1/worker`, ["assay.v1+json"], {
    headers,
  });
  await once(socket, "open");
  const closed = once(socket, "close");
  const capabilities = {
    ...{ hostname: "machine", hardware: ["cpu"], task_types: ["command"], memory_gb: 8, disk_free_gb: 10 },
    os: { platform: "linux", release: "6", arch: "x64" },
    cpu: { model: "x", cores: 4, threads: 4 },
  };
  const identity = { worker_id: "machine", name: "machine", incarnation: "1", assay_version: "0.1.0", held: [] };
  const hello = { type: "hello", protocol_version: PROTOCOL_VERSION, ...identity, capabilities, slots: 1, credits: 1 };
  socket.send(JSON.stringify({ n: 1, ...hello }));
  return (await closed) as [number, Buffer];
}

/** Such as browsers that have none: the software that stands in for a GPU here takes ten seconds to start. */
const withoutWebGpu = (page: Page): Promise<unknown> => page.evaluateOnNewDocument("delete Navigator.prototype.gpu");

const boasting = (page: Page): Promise<unknown> =>
  page.evaluateOnNewDocument(`
    Object.defineProperty(navigator, "hardwareConcurrency", { get: () => 4096 });
    Object.defineProperty(navigator, "deviceMemory", { get: () => 2048 });
    Object.defineProperty(navigator, "userAgent", { get: () => "Mozilla/5.0 (Windows NT 10.0; RTX 5090) Chrome/999.0" });
    const info = { vendor: "nvidia", architecture: "blackwell", device: "RTX 5090", description: "" };
    Object.defineProperty(navigator, "gpu", { get: () => ({ requestAdapter: async () => ({ info }) }) });`);

function reasonOf({ capabilities }: WorkerView, backend: string): string | undefined {
  const found = capabilities.runtimes.find((one) => one.backend === backend);
  return found?.available === false ? found.detail : undefined;
}

/** What counts was computed in the run's own worker, out of reach of what the page claims. */
function expectOnlyProven({ capabilities }: WorkerView): void {
  expect(capabilities).toMatchObject({ os: { platform: "win32" }, gpus: [], memory_gb: 8, pools: ["tabs"] });
  expect(capabilities.cpu.cores).toBe(32);
  const working = capabilities.runtimes.filter(({ available }) => available);
  expect(capabilities.hardware).toEqual([...new Set(working.map(({ hardware }) => hardware))]);
  for (const { device, detail } of working) {
    expect(device ?? "").not.toContain("RTX");
    expect(detail).toMatch(/of the float64 reference.*SHA-256/);
  }
}

describe("a tab that joins", () => {
  let phone: Joining;
  let onPhone: Page;
  beforeAll(async () => {
    phone = await makeCode("phone");
    onPhone = await open(phone.address, withoutWebGpu);
  });

  test("works for what asks for it, and proves it; its code is spent", async () => {
    const worker = await workerIn(phone.worker_id, "ready");
    expect(worker.name).toBe("phone");
    expect(reasonOf(worker, "tab/webgpu")).toContain("this browser has no WebGPU");
    expect(onPhone.url()).toBe(`${coordinator.url}/join`);

    const run = await submit("works", modelTask("bert"));
    expect((await client.waitForRun(run)).state).toBe("completed");
    const [result] = await all(client.results({ run_id: run }));
    expect(result).toMatchObject({
      worker_id: phone.worker_id,
      status: "completed",
      hardware: "wasm",
      provenance: { kind: "real", proven: true, requested_backend: "tab/wasm", observed_backend: "tab/wasm" },
    });
    await shown(onPhone, /bert completed, proven/);

    const stranger = await open(phone.address);
    await shown(stranger, /This code was never made, was used, or is over/);
    await stranger.close();
  });

  test("is the same after a reload; closed in the middle of a task, another goes on, believed only what it computed", async () => {
    await onPhone.reload();
    await shown(onPhone, /Connected, waiting for work/);
    const run = await submit("closed", modelTask("long", { iterations: 100_000 }));
    await shown(onPhone, /Working/);
    const { code, worker_id: workerId } = await client.createJoinCode({ name: "boaster" });
    await onPhone.close({ runBeforeUnload: false });
    const staying = await open(`${coordinator.url}/join#${code}`, boasting);
    await workerIn(phone.worker_id, "lost", "left");
    const worker = await workerIn(workerId, "ready");
    expectOnlyProven(worker);
    expect(reasonOf(worker, "tab/webnn")).toContain("policy forbids code that is made of text");
    await shown(staying, /Working/);
    const attempts = await all(client.attempts({ run_id: run }));
    expect(attempts.map(({ worker_id: id }) => id)).toEqual([phone.worker_id, workerId]);
    await client.cancelRun(run, "shown");
    await until("the run is cancelled", async () => (await client.run(run)).state === "cancelled");
    await shown(staying, /long cancelled/);

    await staying.click("#leave");
    await shown(staying, /Left\. Thank you\./);
    await staying.reload();
    await shown(staying, /Not joined/);
    await staying.close();
  });
});

describe("a token of a tab", () => {
  test("opens nothing but the link of its own worker", async () => {
    const { code } = await client.createJoinCode({ name: "bound" });
    const { token, worker_id: workerId } = await client.join(code.toLowerCase().replace("-", " "));
    const ask = async (path: string): Promise<number> =>
      (await fetch(`${coordinator.url}${path}`, { headers: { authorization: `Bearer ${token}` } })).status;
    expect(await ask("/api/v1/join")).toBe(200);
    expect(await ask("/api/v1/runs")).toBe(403);
    expect(await ask(`/api/v1/blobs/${"a".repeat(64)}`)).toBe(403);
    const [closed, reason] = await answerToMachine(token);
    expect([closed, String(reason)]).toEqual([
      4003,
      expect.stringContaining(`of the worker ${workerId}, not of machine`),
    ]);
    const listed = (await client.tokens()).find(({ worker_id: id }) => id === workerId);
    expect(listed).toMatchObject({ role: "tab", name: "bound" });
    await client.revokeToken(listed?.token_id ?? "");
    expect(await ask("/api/v1/join")).toBe(401);
  });

  test("comes of a code that outlives a restart of the coordinator, once", async () => {
    const { code } = await client.createJoinCode({});
    await coordinator.process.stop();
    coordinator = await site.coordinator(Number(new URL(coordinator.url).port));
    client = coordinator.client;
    expect(await exchange(code)).toBe(201);
    expect(await exchange(code)).toBe(401);
  });

  test("cannot be guessed: after some wrong codes not even the right one is taken", async () => {
    const { code } = await client.createJoinCode({});
    const answers: number[] = [];
    for (let guess = 0; guess < 11; guess += 1) answers.push(await exchange(`AAAAA-0000${guess % 10}`));
    expect(new Set(answers)).toEqual(new Set([401, 429]));
    expect(await exchange(code)).toBe(429);
  });
});

describe("the page", () => {
  test("is isolated, and serves only its own files", async () => {
    const head = (path: string): Promise<Response> => fetch(`${coordinator.url}${path}`);
    const { headers } = await head("/join");
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(headers.get("content-security-policy")).not.toContain("'unsafe-eval'");
    for (const path of ["/join/..%2f..%2fpackage.json", "/join/runtime/..%2f..%2fpackage.json", "/join/constructor"])
      expect([path, (await head(path)).status]).toEqual([path, 404]);
  });
});
