import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "../src/client/index.ts";

const MAIN = join(import.meta.dirname, "..", "src", "cli", "main.ts");

/** A coordinator with workers of one slot each, as processes. */
export interface Fleet extends AsyncDisposable {
  /** The line that runs the tests of a folder on it. */
  testCommand(folder: string): string[];
}

export interface FleetOptions {
  root: string;
  workers: number;
  env: NodeJS.ProcessEnv;
}

/** Resolves when all workers are ready. */
export async function startFleet({ root, workers, env }: FleetOptions): Promise<Fleet> {
  await mkdir(root);
  const children: ChildProcess[] = [];
  const start = (...args: string[]): void => {
    children.push(spawn(process.execPath, [MAIN, ...args], { env, stdio: "ignore" }));
  };
  const stop = async (): Promise<void> => {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }),
    );
  };
  try {
    const data = join(root, "data");
    start("coordinator", "--data-dir", data, "--port", "0");
    const url = await eventually(async () => {
      const text = await readFile(join(data, "coordinator.json"), "utf8");
      return (JSON.parse(text) as { url: string }).url;
    });
    const token = (await readFile(join(data, "admin.token"), "utf8")).trim();
    const link = ["--coordinator", url, "--token", token];
    for (let number = 1; number <= workers; number += 1)
      start("worker", ...link, "--slots", "1", "--name", `w${number}`, "--data-dir", join(root, `w${number}`));
    const client = createClient({ baseUrl: url, token });
    await eventually(async () => ((await client.status()).workers.ready === workers ? true : undefined));
    return {
      testCommand: (folder) => [process.execPath, MAIN, "test", folder, "--json", ...link],
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function eventually<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  for (let tries = 0; ; tries += 1) {
    const found = await look().catch((error: unknown) => {
      if (tries > 600) throw error;
      return undefined;
    });
    if (found !== undefined) return found;
    if (tries > 600) throw new Error("the fleet was not ready within a minute");
    await delay(100);
  }
}
