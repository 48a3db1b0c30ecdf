import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ok, systemClock } from "../base/index.ts";
import { createPlatform } from "../platform/index.ts";
import { WebSocketListener } from "../transport/index.ts";
import { lease, ScriptedCoordinator, until } from "./worker-acceptance.ts";

const PROGRAM = fileURLToPath(new URL("./crash-child.ts", import.meta.url));

let folder: string;
let server: Server;
let listener: WebSocketListener<string>;
let coordinator: ScriptedCoordinator;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-crash-"));
  coordinator = new ScriptedCoordinator();
  children = [];
  server = createServer();
  listener = new WebSocketListener({
    server,
    clock: systemClock,
    authenticate: () => Promise.resolve(ok("worker")),
    onConnection: (connection) => coordinator.accept(connection),
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  for (const child of children) await end(child, "SIGKILL");
  await listener.close();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function startChild(): ChildProcess {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [PROGRAM, url, folder], { stdio: ["ignore", "ignore", "inherit"] });
  children.push(child);
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

const command = (seq: number, line: string): ReturnType<typeof lease> =>
  lease(seq, { type: "command", config: { command: line } });

test("a result that was not acknowledged survives kill -9 and is delivered by the next process", async () => {
  coordinator.verdict = null;
  const first = startChild();
  await coordinator.connected();
  const workerId = coordinator.seat.hello?.worker_id;
  coordinator.assign(command(21, "echo measured"), command(22, "sleep 1000"));
  await until(() => expect(coordinator.finished).toHaveLength(1));
  await end(first, "SIGKILL");

  const second = startChild();
  await coordinator.connected(2);
  expect(coordinator.seat.hello?.worker_id).toBe(workerId);
  // What ran died with the process: only the finished one is named.
  expect(coordinator.seat.hello?.held).toEqual([
    { lease_seq: 21, run_id: "run-1", task_id: "task-21", attempt: 1, state: "finished" },
  ]);
  await until(() => expect(coordinator.finished).toHaveLength(2));
  expect(coordinator.finished[1]).toEqual(coordinator.finished[0]);
  expect(Buffer.from(coordinator.finished[1]?.result.logs ?? "", "base64").toString()).toBe("measured\n");

  coordinator.ack(21);
  await end(second, "SIGTERM");
  startChild();
  await coordinator.connected(3);
  expect(coordinator.seat.hello?.held).toEqual([]);
});

const groups = createPlatform({ diskPath: tmpdir(), env: process.env }).controlGroups?.probe() ?? [];
if (groups.length === 0) console.log("skipped: this machine lets nobody make control groups");

test.each([
  { how: "by their mark", command: "setsid sleep 1000", skip: false },
  { how: "by their control group", command: "env -i setsid sleep 1000", skip: groups.length === 0 },
])(
  "processes that a killed worker left behind are ended by the next one, known $how",
  async ({ command: line, skip }) => {
    if (skip) return;
    const first = startChild();
    await coordinator.connected();
    coordinator.assign(command(1, `${line} & echo $! > pid; wait`));
    const file = join(folder, "work", "1", "files", "pid");
    let pid = 0;
    await until(async () => {
      pid = Number(await readFile(file, "utf8"));
      expect(pid).toBeGreaterThan(1);
    });
    await end(first, "SIGKILL");
    expect(runs(pid)).toBe(true);
    startChild();
    await coordinator.connected(2);
    await until(() => expect(runs(pid)).toBe(false));
  },
);

test("SIGTERM hands the lease back, ends the command, and the process ends by itself", async () => {
  const child = startChild();
  const exited = once(child, "exit");
  await coordinator.connected();
  coordinator.assign(command(1, "sleep 1000"));
  await until(() => expect(coordinator.all("started")).toHaveLength(1));
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  expect(coordinator.released).toEqual([1]);
  expect(coordinator.all("goodbye")).toHaveLength(1);
  expect(coordinator.finished).toEqual([]);
});

test("a worker without a coordinator keeps trying", async () => {
  coordinator.welcomes = false;
  await listener.close();
  const child = startChild();
  listener = new WebSocketListener({
    server,
    clock: systemClock,
    authenticate: () => Promise.resolve(ok("worker")),
    onConnection: (connection) => coordinator.accept(connection),
  });
  coordinator.welcomes = true;
  await coordinator.connected();
  expect(child.exitCode).toBeNull();
});

/** A process that has ended may still wait for its parent. */
function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}
