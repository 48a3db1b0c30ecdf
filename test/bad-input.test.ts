import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { PROTOCOL_VERSION } from "../src/contracts/index.ts";
import { Site, assay, workersReady } from "./support/assay-process.ts";
import type { RunningCoordinator } from "./support/assay-process.ts";

let site: Site;
let it: RunningCoordinator;
beforeAll(async () => {
  site = await Site.open();
  it = await site.coordinator();
  site.worker("w1", it);
  await workersReady(it.client, 1);
});
afterAll(() => site[Symbol.asyncDispose]());

async function submit(name: string, content: string | Uint8Array): Promise<Awaited<ReturnType<typeof assay>>> {
  const path = site.path(name);
  await writeFile(path, content);
  return assay("run", path, ...it.flags);
}

const task = (fields: object): object => ({ task_id: "a", type: "command", config: { command: "true" }, ...fields });
const commandTask = (task_id: string) => ({ task_id, type: "command" as const, config: { command: "true" } });
const suite = (...tasks: object[]): string => JSON.stringify({ name: "bad", tasks });

/** One screen: the code, the thing at fault, and what to do next; no stack. */
function expectTold(
  output: { code: number | null; stderr: string },
  expected: { exit: number; code: string; names: string },
): void {
  expect(output.stderr).toContain(expected.code);
  expect(output.stderr).toContain(expected.names);
  expect(output.stderr).toContain("next:");
  expect(output.stderr).not.toMatch(/\n\s+at .*\.ts:\d+/);
  expect(output.stderr.split("\n").length).toBeLessThan(25);
  expect(output.code).toBe(expected.exit);
}

describe("a suite with a mistake is refused, and nothing of it runs", () => {
  const cases: { name: string; content: string | Uint8Array; exit?: number; code: string; names: string }[] = [
    { name: "unknown field", content: suite(task({ timeout: 1 })), code: "unknown_field", names: "tasks[0].timeout" },
    {
      name: "wrong type",
      content: suite(task({ priority: "high" })),
      code: "invalid_field",
      names: "tasks[0].priority",
    },
    {
      name: "cyclic dependency",
      content: suite(task({ depends_on: ["b"] }), task({ task_id: "b", depends_on: ["a"] })),
      code: "cyclic_dependency",
      names: "a → b → a",
    },
    {
      name: "missing dependency",
      content: suite(task({ depends_on: ["zz"] })),
      code: "missing_dependency",
      names: "zz",
    },
    {
      name: "impossible requirement",
      content: suite(task({ requirements: { hardware: ["cuda"] } })),
      exit: 3,
      code: "impossible_requirement",
      names: "wants cuda",
    },
    { name: "duplicate task id", content: suite(task({}), task({})), code: "duplicate_task_id", names: "id a" },
    {
      name: "10 MB suite",
      content: `${suite(task({}))}${" ".repeat(10_000_000)}`,
      code: "suite_too_large",
      names: "10 MB suite",
    },
    {
      name: "not UTF-8",
      content: Uint8Array.from([0x6e, 0xff, 0xfe, 0x00]),
      code: "invalid_encoding",
      names: "not UTF-8",
    },
    { name: "not YAML", content: "name: [", code: "invalid_syntax", names: "not YAML" },
    {
      name: "a task as large as a file",
      content: suite(task({ config: { command: "x".repeat(300_000) } })),
      code: "invalid_field",
      names: "larger than",
    },
  ];
  test.each(cases)("$name", async ({ name, content, exit = 2, code, names }) => {
    expectTold(await submit(`${name}.yaml`, content), { exit, code, names });
  });

  test("and what was accepted before is still there", async () => {
    const good = await submit("good.json", suite(task({})));
    expect(good.code).toBe(0);
    const { rows } = await it.client.sql("select name, state from runs");
    expect(rows).toEqual([["bad", "completed"]]);
  });
});

describe("a model that is not there makes its task fail, with the reason", () => {
  test.each([
    { model: "tiny-brt", code: "unknown_model" },
    { model: "./empty-model", code: "model_file_missing" },
  ])("$model", async ({ model, code }) => {
    await mkdir(site.path("empty-model"), { recursive: true });
    const config = { model: model.startsWith("./") ? site.path("empty-model") : model };
    const name = `model-${code}.json`;
    const {
      code: exit,
      stdout,
      stderr,
    } = await submit(
      name,
      JSON.stringify({
        name: code,
        tasks: [{ task_id: "m", type: "model", config, retry_policy: { max_retries: 0 } }],
      }),
    );
    expect(`${stdout}${stderr}`).toContain(code);
    expect(exit).toBe(3);
  });
});

describe("identity", () => {
  test("a wrong token", async () => {
    expectTold(await assay("status", "--coordinator", it.url, "--token", "assay_admin_wrong"), {
      exit: 2,
      code: "unauthenticated",
      names: "token",
    });
  });

  test("an expired token", async () => {
    const { client } = it;
    const { token } = await client.createToken({ role: "viewer", name: "short", expires_in_seconds: 0.001 });
    expectTold(await assay("status", "--coordinator", it.url, "--token", token), {
      exit: 2,
      code: "token_expired",
      names: "short",
    });
  });

  test("a token of another role", async () => {
    const { client } = it;
    const { token } = await client.createToken({ role: "viewer", name: "looker" });
    const output = await assay("run", "--command", "true", "--coordinator", it.url, "--token", token);
    expectTold(output, { exit: 2, code: "forbidden", names: "submitter" });
  });

  test("a worker of another protocol version is told both versions, and disturbs nobody", async () => {
    const socket = new WebSocket(`${it.url.replace("http", "ws")}/api/v1/worker`, ["assay.v1+json"], {
      headers: { authorization: `Bearer ${it.token}` },
    });
    await once(socket, "open");
    const closed = once(socket, "close");
    socket.send(JSON.stringify({ n: 1, type: "hello", protocol_version: 99 }));
    const [code, reason] = (await closed) as [number, Buffer];
    expect(code).toBe(4002);
    expect(String(reason)).toContain("99");
    expect((await it.client.status()).workers.ready).toBe(1);
  });
});

describe("a worker that says absurd things of itself is turned away and disturbs nobody", () => {
  const capabilities = {
    hostname: "odd",
    os: { platform: "linux", release: "6", arch: "x64" },
    cpu: { model: "x", cores: 4, threads: 4 },
    memory_gb: 8,
    disk_free_gb: 10,
    hardware: ["cpu"],
    task_types: ["command"],
  };
  const gpu = { index: 0, vendor: "NVIDIA", name: "L4" };
  const many = <Value>(count: number, one: (index: number) => Value): Value[] =>
    Array.from({ length: count }, (_, index) => one(index));
  test.each([
    ["negative cores", { cpu: { ...capabilities.cpu, cores: -4 } }, 4000],
    ["cores without end", { cpu: { ...capabilities.cpu, cores: 1e308 } }, 4000],
    ["GPUs without end", { gpus: many(1_001, (index) => ({ ...gpu, index })) }, 4000],
    ["as many GPUs as fit nowhere", { gpus: many(50_000, (index) => ({ ...gpu, index })) }, 1009],
    ["a GPU with a memory of 10^12 GB", { gpus: [{ ...gpu, memory_gb: 1e12 }] }, 4000],
    ["a bomb of labels", { labels: Object.fromEntries(many(10_000, (index) => [`l${index}`, "x"])) }, 4000],
    ["a price below nothing", { price_per_hour: { amount: -1, currency: "USD" } }, 4000],
    ["a price without a number", { price_per_hour: { amount: null, currency: "USD" } }, 4000],
    ["pools without end", { pools: many(1_000, (index) => `p${index}`) }, 4000],
  ])("%s", async (_what, absurd, code) => {
    const socket = new WebSocket(`${it.url.replace("http", "ws")}/api/v1/worker`, ["assay.v1+json"], {
      headers: { authorization: `Bearer ${it.token}` },
    });
    await once(socket, "open");
    const closed = once(socket, "close");
    const identity = { worker_id: "odd", name: "odd", incarnation: "1", assay_version: "0.1.0", held: [] };
    const hello = { ...identity, capabilities: { ...capabilities, ...absurd }, slots: 1, credits: 1 };
    socket.send(JSON.stringify({ n: 1, type: "hello", protocol_version: PROTOCOL_VERSION, ...hello }));
    expect((await closed)[0]).toBe(code);
    const { client } = it;
    expect((await client.status()).workers).toMatchObject({ ready: 1, suspect: 0, lost: 0 });
    const { run_id } = await client.submitRun({ name: "after", tasks: [commandTask("a")] });
    expect((await client.waitForRun(run_id)).state).toBe("completed");
  });
});

describe("a submission of 100,000 tasks", () => {
  test("is accepted as one, and cancelled as one", async () => {
    const { client } = it;
    const tasks = Array.from({ length: 100_000 }, (_, index) => commandTask(`t${index}`));
    // In a pool without workers none ends before the run is cancelled.
    const submitted = await client.submitRun({ name: "many", pool: "nobody", wait_for_capacity: true, tasks });
    expect(submitted.tasks).toBe(100_000);
    expect((await client.status()).tasks.waiting).toBe(100_000);
    await client.cancelRun(submitted.run_id, "enough");
    const run = await client.waitForRun(submitted.run_id);
    expect(run).toMatchObject({ state: "cancelled", counts: { total: 100_000, cancelled: 100_000 } });
    expect(await client.stateHash()).toMatchObject({ equal: true });
  });

  test("that is too large is refused whole, with a code", async () => {
    const { client } = it;
    const env = { NOTE: "x".repeat(100) };
    const tasks = Array.from({ length: 100_000 }, (_, index) => ({
      ...commandTask(`t${index}`),
      config: { command: "true", env },
    }));
    await expect(client.submitRun({ name: "too-large", tasks })).rejects.toMatchObject({ code: "suite_too_large" });
    for await (const { name } of client.runs()) expect(name).not.toBe("too-large");
  });
});

describe("a coordinator does not start", () => {
  const start = (...more: string[]): ReturnType<typeof assay> => assay("coordinator", ...more);

  test("on a port in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expectTold(await start("--data-dir", site.path("other"), "--port", String(port)), {
      exit: 3,
      code: "port_in_use",
      names: String(port),
    });
    server.close();
    await once(server, "close");
  });

  test("on a data folder in use", async () => {
    expectTold(await start("--data-dir", site.path("data"), "--port", "0"), {
      exit: 3,
      code: "data_dir_locked",
      names: String(it.process.pid),
    });
  });

  test("where a file is in the way of the data folder", async () => {
    await writeFile(site.path("file"), "");
    await chmod(site.path("file"), 0o400);
    expectTold(await start("--data-dir", site.path("file/data"), "--port", "0"), {
      exit: 3,
      code: "data_dir_read_only",
      names: "file/data",
    });
  });

  test("with a heartbeat slower than its timeout", async () => {
    const output = await start(
      "--data-dir",
      site.path("slow"),
      "--port",
      "0",
      "--heartbeat-interval",
      "5",
      "--worker-timeout",
      "3",
    );
    expectTold(output, { exit: 2, code: "usage", names: "heartbeat" });
  });
});
