import { createHash } from "node:crypto";
import type { Rng } from "../../src/base/index.ts";
import {
  dependencyConditions,
  encodeBlobBatch,
  frameworkNames,
  patternRequest,
  taskTypes,
  workerActions,
} from "../../src/contracts/index.ts";
import { pick } from "./mutations.ts";

type Body = Record<string, unknown>;

/** What a blob holds, so that some are found again. */
const BLOB = Buffer.from("fuzz");
export const BLOB_SHA256 = createHash("sha256").update(BLOB).digest("hex");

/** A valid body for each operation that takes one. */
export const BODIES: Readonly<Record<string, (rng: Rng) => Body | Buffer>> = {
  submitRun: (rng) => ({
    name: `run-${rng.below(1_000)}`,
    wait_for_capacity: true,
    tasks: Array.from({ length: 1 + rng.below(6) }, (_, index) => anyTask(rng, index)),
  }),
  cancelRun: reason,
  cancelTask: reason,
  quarantineWorker: reason,
  releaseWorker: reason,
  commandWorker: (rng) => {
    const action = pick(rng, workerActions);
    return {
      action,
      deadline_seconds: pick(rng, [null, 0, 5, 60]),
      version: action === "update" ? "1.2.3" : null,
      ...(rng.next() < 0.3 ? { command_id: `c${rng.below(5)}` } : {}),
      ...reason(),
    };
  },
  setShare: (rng) => ({ weight: 1 + rng.below(9), max_running: 50 }),
  setPattern: (rng) => ({ action: pick(rng, patternRequest.shape.action.options), ...reason() }),
  addTemplate: (rng) => ({
    name: `p${rng.below(3)}`,
    description: `d${rng.below(4)}`,
    ...(rng.next() < 0.3 ? { extends: pick(rng, ["assay/test", "p0", "p1@1"]) } : {}),
    parameters: { sizes: { type: "integer", list: true, default: [1, 4], min: 1 } },
    tasks: [{ task_id: "t", type: "model", config: { model: "${{ model }}", batch_sizes: "${{ sizes }}" } }],
  }),
  createToken: () => ({ role: "viewer", name: "v", expires_in_seconds: 60 }),
  createJoinCode: (rng) => ({ pool: pick(rng, ["tabs", "default"]) }),
  join: () => ({ code: "00000-00000" }),
  knownTests: (rng) => ({
    framework: pick(rng, frameworkNames),
    directory: pick(rng, [".", "a/b"]),
    test_ids: ["t", '"', "[]", "\u0000", "\ud800", "🎉"].slice(rng.below(6)),
  }),
  muteTest: (rng) => ({
    framework: pick(rng, frameworkNames),
    test_id: pick(rng, ["t", '"', "\u0000", "\ud800", "🎉"]),
    ...(rng.next() < 0.5 ? { owner: pick(rng, ["ada", "eve"]) } : {}),
    ...(rng.next() < 0.3
      ? { until: pick(rng, ["2000-01-01T00:00:00Z", "2023-11-14T22:13:21Z", "9999-12-31T23:59:59Z"]) }
      : {}),
    ...reason(),
  }),
  query: (rng) => ({ sql: pick(rng, SQL), max_rows: 10 }),
  putBlob: () => BLOB,
  putBlobs: (rng) => {
    const bytes = pick(rng, [BLOB, BLOB, BLOB.subarray(1)]);
    return Buffer.from(encodeBlobBatch(Array.from({ length: rng.below(4) }, () => ({ sha256: BLOB_SHA256, bytes }))));
  },
  missingBlobs: digests,
  readBlobs: digests,
};

function digests(rng: Rng): Body {
  return { sha256: [BLOB_SHA256, "0".repeat(64), BLOB_SHA256].slice(rng.below(4)) };
}

function reason(): Body {
  return { reason: "fuzz" };
}

/** A valid task with any of the fields that a task may have. */
export function anyTask(rng: Rng, index: number): Body {
  const maybe = (field: string, value: unknown): object => (rng.next() < 0.15 ? { [field]: value } : {});
  const type = rng.next() < 0.8 ? "command" : pick(rng, taskTypes);
  const before = `t${index - 1}`;
  const dependency = rng.next() < 0.5 ? before : { task: before, condition: pick(rng, dependencyConditions) };
  return {
    task_id: `t${index}`,
    type,
    config: configOf(type),
    ...(index > 0 ? maybe("depends_on", [dependency]) : {}),
    ...maybe("priority", pick(rng, [0, 1, 50, 100])),
    ...maybe("retry_policy", { max_retries: rng.below(4), retry_delay_seconds: rng.below(3) }),
    ...maybe("timeout_seconds", 1 + rng.below(1_000)),
    ...maybe("resources", { cpu: 1 + rng.below(4), memory_gb: 1 + rng.below(8), locks: [`lock-${rng.below(3)}`] }),
    ...(type === "command" ? maybe("limits", { memory_mb: 100 + rng.below(1_000), processes: 10 }) : {}),
    ...maybe("requirements", { hardware: ["cpu"], labels: { a: rng.next() < 0.5 ? "b" : null } }),
    ...maybe("fallback", [{ hardware: ["cpu"], after_seconds: rng.below(5) }]),
    ...maybe("labels", { of: "the task" }),
    ...maybe("group", "g"),
    ...maybe("preemptible", rng.next() < 0.5),
    ...maybe("hedge", true),
  };
}

function configOf(type: unknown): Body {
  if (type === "model" || type === "benchmark") return { model: "tiny-bert" };
  if (type === "suite") return { framework: "pytest", workspace: { folder: "/src" }, tests: ["t"] };
  if (type === "api") return { url: "http://127.0.0.1:9/" };
  return type === "hardware" ? { checks: ["cpu"] } : { command: "true" };
}

const SQL = [
  "select 1",
  "select * from results",
  "select",
  "drop table results",
  "select 1; select 2",
  "select * from read_csv('/etc/passwd')",
  "pragma database_list",
  "select 1e400, 'NaN'::double, 'inf'::double",
  "select repeat('x', 100000)",
  "copy results to '/tmp/x'",
  "select '\u0000'",
  "install httpfs",
  "select sum(a) from range(100000) t(a)",
];
