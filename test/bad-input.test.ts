import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createClient } from "../src/client/index.ts";
import { Site, assay, eventually } from "./support/assay-process.ts";

type Coordinator = Awaited<ReturnType<Site["coordinator"]>>;

let site: Site;
let it: Coordinator;
beforeAll(async () => {
  site = await Site.open();
  it = await site.coordinator();
  site.worker("w1", it);
  const client = createClient({ baseUrl: it.url, token: it.token });
  await eventually("a worker", async () => (await client.status()).workers.ready === 1 || undefined);
});
afterAll(() => site[Symbol.asyncDispose]());

async function submit(name: string, content: string | Uint8Array): Promise<Awaited<ReturnType<typeof assay>>> {
  const path = site.path(name);
  await writeFile(path, content);
  return assay("run", path, "--coordinator", it.url, "--token", it.token);
}

const task = (fields: object): object => ({ task_id: "a", type: "command", config: { command: "true" }, ...fields });
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
    const { rows } = await createClient({ baseUrl: it.url, token: it.token }).sql("select name, state from runs");
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
    const client = createClient({ baseUrl: it.url, token: it.token });
    const { token } = await client.createToken({ role: "viewer", name: "short", expires_in_seconds: 0.001 });
    expectTold(await assay("status", "--coordinator", it.url, "--token", token), {
      exit: 2,
      code: "token_expired",
      names: "short",
    });
  });

  test("a token of another role", async () => {
    const client = createClient({ baseUrl: it.url, token: it.token });
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
    expect((await createClient({ baseUrl: it.url, token: it.token }).status()).workers.ready).toBe(1);
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
