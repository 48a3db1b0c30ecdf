import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeSecretFile } from "../auth/index.ts";
import { systemClock } from "../base/index.ts";
import { findConnection, requireConnection } from "./connection.ts";
import type { CliContext } from "./context.ts";
import { exitCodes } from "./exit-codes.ts";

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "assay-cli-"));
});
afterEach(() => rm(cwd, { recursive: true }));

const context = (env: Record<string, string> = {}): CliContext => ({
  env,
  cwd,
  platform: "linux",
  stdout: { write: () => true },
  stderr: { write: () => true },
  clock: systemClock,
  interrupts: { signal: new AbortController().signal, exitCode: exitCodes.interrupted },
});

async function runningIn(folder: string, pid: number): Promise<void> {
  await mkdir(join(cwd, folder));
  await writeFile(join(cwd, folder, "coordinator.json"), JSON.stringify({ url: "http://127.0.0.1:4000", pid }));
  await writeSecretFile(join(cwd, folder, "admin.token"), "local-secret");
}

describe("findConnection", () => {
  it("takes options before the environment", async () => {
    const env = { ASSAY_COORDINATOR: "env-host:1", ASSAY_TOKEN: "env-token" };
    expect(await findConnection({}, context(env))).toEqual({ baseUrl: "http://env-host:1", token: "env-token" });
    const options = { coordinator: "http://option-host:2", token: "option-token" };
    expect(await findConnection(options, context(env))).toEqual({
      baseUrl: "http://option-host:2",
      token: "option-token",
    });
  });

  it("finds the coordinator that runs on the data folder, with its admin token", async () => {
    await runningIn(".assay", process.pid);
    expect(await findConnection({}, context())).toEqual({ baseUrl: "http://127.0.0.1:4000", token: "local-secret" });
    await runningIn("other", process.pid);
    const byEnvironment = await findConnection({}, context({ ASSAY_DATA_DIR: "other", ASSAY_TOKEN: "mine" }));
    expect(byEnvironment).toEqual({ baseUrl: "http://127.0.0.1:4000", token: "mine" });
  });

  it("gives the local admin token to no other coordinator", async () => {
    await runningIn(".assay", process.pid);
    await expect(findConnection({ coordinator: "http://elsewhere:1" }, context())).rejects.toMatchObject({
      code: "unauthenticated",
    });
    expect(await findConnection({ coordinator: "http://127.0.0.1:4000" }, context())).toMatchObject({
      token: "local-secret",
    });
  });

  it("does not believe the address of a coordinator that is gone, or half written", async () => {
    await runningIn(".assay", 2 ** 22 + 1);
    expect(await findConnection({}, context())).toBeUndefined();
    await writeFile(join(cwd, ".assay", "coordinator.json"), '{"url":');
    expect(await findConnection({}, context())).toBeUndefined();
    await expect(requireConnection({}, context())).rejects.toMatchObject({ code: "coordinator_unreachable" });
  });
});
