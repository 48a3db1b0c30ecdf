import fc from "fast-check";
import {
  PROTOCOL_VERSION,
  ackVerdicts,
  coordinatorFrame,
  taskTypes,
  workerActions,
  workerAnswerStates,
  workerFrame,
} from "../../contracts/index.ts";
import type { CoordinatorFrame, WorkerFrame } from "../../contracts/index.ts";

// Frames of every type, as a receiver has them: with the defaults of their schemas filled in.

const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:/@+\-[\]=,]{0,30}$/);
const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: "binary", maxLength });
const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const timeMs = fc.oneof(fc.integer({ min: 0, max: 4_000_000_000_000 }), fc.double({ min: 0, max: 2e14, noNaN: true }));
const attempt = fc.integer({ min: 1, max: 100 });
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { minLength: 1, maxLength: 6 });

/** JSON without what JSON itself does not keep (-0), and without `__proto__`, which no reader takes for a key. */
const json = fc
  .jsonValue({ maxDepth: 4 })
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll("__proto__", "proto")) as unknown);
const jsonObject = fc.dictionary(
  fc.string({ maxLength: 20 }).map((key) => `k${key}`),
  json,
  { maxKeys: 4 },
);

const capabilities = fc.record({
  hostname: text(50),
  os: fc.record({ platform: text(10), release: text(10), arch: text(10) }),
  cpu: fc.record({
    model: text(20),
    cores: fc.double({ min: 0.5, max: 512, noNaN: true }),
    threads: fc.integer({ min: 1, max: 1024 }),
  }),
  memory_gb: fc.nat(4096),
  disk_free_gb: fc.nat(100_000),
  hardware: fc.subarray(["cpu", "cuda", "wasm"]),
  software: fc.constantFrom({}, { python: "3.13" }),
  task_types: fc.subarray([...taskTypes]),
  price_per_hour: optional(
    fc.record({
      amount: fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value + 0),
      currency: fc.stringMatching(/^[A-Z]{3}$/),
    }),
  ),
});

const result = fc.record({
  task_id: id,
  worker_id: id,
  status: fc.constantFrom("completed", "failed", "timed_out", "cancelled"),
  execution_time_seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
  results: jsonObject,
  logs: optional(text(200)),
  exit_code: fc.constantFrom(0, 1, null, undefined),
  failure: optional(fc.record({ class: fc.constantFrom("assertion", "crash"), message: text(100) })),
  metrics: fc.array(
    fc.record({
      name: fc.constant("latency"),
      value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      unit: text(5),
    }),
    { maxLength: 3 },
  ),
});

const workerInput = fc.oneof(
  fc.record({
    type: fc.constant("hello"),
    protocol_version: fc.constant(PROTOCOL_VERSION),
    assay_version: text(20),
    worker_id: id,
    name: id,
    incarnation: text(30),
    capabilities,
    slots: fc.integer({ min: 1, max: 100 }),
    credits: fc.integer({ min: 1, max: 100 }),
    held: fc.array(
      fc.record({
        lease_seq: seq,
        run_id: id,
        task_id: id,
        attempt,
        state: fc.constantFrom("waiting", "running", "finished"),
      }),
      { maxLength: 5 },
    ),
    note: optional(text(50)),
  }),
  fc.record({
    type: fc.constant("heartbeat"),
    load: fc.record({ cpu_percent: fc.nat(100), memory_used_gb: fc.nat(100), running: fc.nat(100) }),
    received_seq: fc.nat(),
    held: fc.array(seq, { maxLength: 10 }),
  }),
  fc.record({ type: fc.constant("started"), items: list(fc.record({ lease_seq: seq, started_at_ms: timeMs })) }),
  fc.record({
    type: fc.constant("progress"),
    lease_seq: seq,
    fraction: optional(fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0)),
    message: optional(text(50)),
    payload: optional(text(50)),
  }),
  fc.record({ type: fc.constant("log"), lease_seq: seq, stream: fc.constantFrom("stdout", "stderr"), text: text(300) }),
  fc.record({
    type: fc.constant("finished"),
    items: list(
      fc.record({ lease_seq: seq, run_id: id, attempt, started_at_ms: timeMs, finished_at_ms: timeMs, result }),
    ),
  }),
  fc.record({
    type: fc.constant("released"),
    items: list(fc.record({ lease_seq: seq, reason: text(50), payload: optional(text(50)) })),
  }),
  fc.record({
    type: fc.constant("capabilities"),
    capabilities,
    slots: attempt,
    credits: attempt,
    note: optional(text(50)),
  }),
  fc.record({ type: fc.constant("goodbye"), reason: text(50) }),
  fc.record({
    type: fc.constant("answer"),
    items: list(
      fc.record({
        command_id: id,
        state: fc.constantFrom(...workerAnswerStates),
        message: optional(text(50)),
      }),
    ),
  }),
);

const spec = fc.oneof(
  fc.record({
    task_id: id,
    type: fc.constant("command"),
    config: fc.record({ command: fc.oneof(fc.constant("true"), fc.array(text(10), { minLength: 1, maxLength: 3 })) }),
  }),
  fc.record({ task_id: id, type: fc.constant("browser"), config: jsonObject }),
  fc.record({
    task_id: id,
    type: fc.constant("suite"),
    config: fc.record({
      framework: fc.constant("pytest"),
      workspace: fc.record({ folder: fc.constant("/w") }),
      tests: fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 }),
    }),
  }),
  fc.record({ task_id: id, type: fc.constant("model"), config: fc.record({ model: fc.constant("bert-tiny") }) }),
);

const coordinatorInput = fc.oneof(
  fc.record({
    type: fc.constant("welcome"),
    protocol_version: fc.constant(PROTOCOL_VERSION),
    assay_version: text(20),
    session_id: text(40),
    epoch: seq,
    heartbeat_interval_ms: attempt,
    worker_timeout_ms: attempt,
    time_ms: timeMs,
  }),
  fc.record({
    type: fc.constant("assign"),
    items: list(
      fc.record({
        lease_seq: seq,
        run_id: id,
        attempt,
        hardware: optional(fc.constant("cpu")),
        gpus: optional(fc.array(fc.nat(8), { maxLength: 3 })),
        payload: optional(text(50)),
        peers: optional(fc.array(fc.record({ task_id: id, worker_id: id, hostname: text(20) }), { maxLength: 3 })),
        spec,
      }),
    ),
  }),
  fc.record({
    type: fc.constant("ack"),
    items: list(fc.record({ lease_seq: seq, verdict: fc.constantFrom(...ackVerdicts) })),
  }),
  fc.record({ type: fc.constant("cancel"), items: list(fc.record({ lease_seq: seq, reason: text(50) })) }),
  fc.record({
    type: fc.constant("revoke"),
    items: list(fc.record({ lease_seq: seq, running: fc.boolean(), reason: text(50) })),
  }),
  fc.record({ type: fc.constant("drain"), reason: text(50) }),
  fc.record({ type: fc.constant("heartbeat_ack"), time_ms: timeMs }),
  fc.record({
    type: fc.constant("command"),
    items: list(
      fc
        .record({
          command_id: id,
          action: fc.constantFrom(...workerActions),
          deadline_ms: optional(fc.nat(1_000_000)),
          reason: text(50),
        })
        .map((item) => (item.action === "update" ? { ...item, version: "1.2.3" } : item)),
    ),
  }),
);

/** A worker's frame of any type. */
export const anyWorkerFrame: fc.Arbitrary<WorkerFrame> = workerInput.map((frame) => workerFrame.parse(frame));
/** A coordinator's frame of any type. */
export const anyCoordinatorFrame: fc.Arbitrary<CoordinatorFrame> = coordinatorInput.map((frame) =>
  coordinatorFrame.parse(frame),
);
