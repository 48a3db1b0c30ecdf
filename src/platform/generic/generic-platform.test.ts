import { cpus, tmpdir, totalmem } from "node:os";
import { expect, test } from "vitest";
import { GenericPlatform } from "./generic-platform.ts";

test("the facts that Node itself knows", async () => {
  const platform = new GenericPlatform({ diskPath: tmpdir(), env: {} });
  const facts = await platform.facts();
  expect(facts.cpu.threads).toBe(cpus().length);
  expect(facts.memory).toEqual({ totalBytes: totalmem(), usableBytes: totalmem() });
  expect(facts.diskFreeBytes).toBeGreaterThan(0);
  expect(platform.freeDiskBytes()).toBeGreaterThan(0);
  expect(facts.gpus).toEqual([]);
  expect((await platform.load()).memory_used_gb).toBeGreaterThan(0);
  expect(platform.processes.descendants(1)).toEqual([]);
  expect(platform.processes.oomKills()).toBeUndefined();
});
