import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../base/index.ts";
import type { AssayError } from "../base/index.ts";
import { FollowerClient } from "./follower-client.ts";
import { LiveTail } from "./live-tail.ts";

let dataDir: string;
let failures: AssayError[];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "assay-follower-"));
  failures = [];
});
afterEach(() => rm(dataDir, { recursive: true }));

const start = (): FollowerClient =>
  new FollowerClient({
    dataDir,
    clock: systemClock,
    tail: new LiveTail(),
    committedSeq: () => 0,
    leaderHash: () => ({ seq: 0, hash: "" }),
    onProjected: () => undefined,
    onPatterns: () => undefined,
    onMuted: () => undefined,
    onTrouble: () => undefined,
    onFailed: (error) => failures.push(error),
  });

test("a follower that finds no journal says so to all who wait for it", async () => {
  const follower = start();
  const failed = { status: "rejected", reason: { code: "journal_unavailable" } };
  expect(await Promise.allSettled([follower.ready, follower.run("r")])).toMatchObject([failed, failed]);
  expect(failures).toHaveLength(1);
  await follower.stop();
});

test("one that ends without a word leaves nobody waiting", async () => {
  const follower = start();
  await (Reflect.get(follower, "thread") as Worker).terminate();
  await expect(follower.ready).rejects.toMatchObject({ code: "shutting_down" });
});
