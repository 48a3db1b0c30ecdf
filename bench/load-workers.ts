import { setTimeout as delay } from "node:timers/promises";
import { AssayError, systemClock } from "../src/base/index.ts";
import { SUBPROTOCOLS, capabilityDocument } from "../src/contracts/index.ts";
import type { CapabilityDocument } from "../src/contracts/index.ts";
import { WorkerSession, dialWebSocket } from "../src/transport/index.ts";
import type { Connection, CoordinatorMessage } from "../src/transport/index.ts";
import { loadSettings, workerLabels } from "./load-settings.ts";
import { WorkerObserver } from "./worker-observer.ts";

/**
 * Workers that answer every assignment at once: they cost next to nothing, so that what is measured is the coordinator. They
 * speak the real protocol through the real session. Run as a child process: `load-workers.ts URL TOKEN COUNT CREDITS [SETTINGS]`.
 */
const [url = "", token = "", count = "1", credits = "32", settingsText] = process.argv.slice(2);
const RETRIED: ReadonlySet<string> = new Set(["rate_limited", "coordinator_unreachable"]);
const CONNECT_TRIES = 600;
const CONNECT_AGAIN_MS = 100;
const settings = loadSettings.parse(JSON.parse(settingsText ?? "{}"));
/** Without settings nobody asks: nothing is watched then. */
const observer = settingsText === undefined ? null : new WorkerObserver(settings);
/** What waits until the parent says go; null from then on. */
let onHold: (() => void)[] | null = settings.hold ? [] : null;
process.on("disconnect", () => process.exit(0));
process.on("message", (message) => {
  if (message !== "go") return;
  const waiting = onHold ?? [];
  onHold = null;
  for (const answer of waiting) answer();
});

const capabilities: CapabilityDocument = capabilityDocument.parse({
  hostname: "bench",
  os: { platform: "linux", release: "0", arch: "x64" },
  cpu: { model: "none", cores: 1, threads: 1 },
  memory_gb: 1,
  disk_free_gb: 1,
  hardware: ["cpu"],
  task_types: ["command"],
});

/** Tries again, as workers do, where the coordinator asks a whole fleet on one address to come more slowly, or is too busy. */
async function connect(): Promise<Connection> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await dialWebSocket({ url, token, subprotocols: SUBPROTOCOLS, handshakeTimeoutMs: 10_000 });
    } catch (error) {
      const patient = error instanceof AssayError && RETRIED.has(error.code);
      if (!patient || attempt === CONNECT_TRIES) throw error;
      await delay(CONNECT_AGAIN_MS);
    }
  }
}

async function startWorker(index: number): Promise<void> {
  const name = `bench-${index}`;
  const held = new Set<number>();
  let receivedSeq = 0;
  const connection = await connect();
  const welcomed = Promise.withResolvers<number>();
  const session = new WorkerSession({
    connection,
    clock: systemClock,
    highestEpoch: 0,
    hello: {
      worker_id: name,
      name,
      incarnation: "1",
      capabilities: { ...capabilities, labels: workerLabels(index, settings) },
      slots: Number(credits),
      credits: Number(credits),
      held: [],
    },
    handlers: {
      onWelcome: (_session, welcome) => welcomed.resolve(welcome.heartbeat_interval_ms),
      onFrame: (_session, frame) => {
        observer?.frame(name, frame);
        if (onHold) onHold.push(() => answer(frame));
        else answer(frame);
      },
      onDrain: () => undefined,
      onClosed: (_session, end) => {
        observer?.sessionClosed();
        if (end.reason !== "normal" && end.reason !== "shutting_down")
          console.error(new Date().toISOString(), name, end.reason, end.message);
      },
    },
  });
  function answer(frame: CoordinatorMessage): void {
    if (frame.type === "ack") for (const item of frame.items) held.delete(item.lease_seq);
    if (frame.type !== "assign") return;
    const nowMs = Date.now();
    for (const item of frame.items) {
      held.add(item.lease_seq);
      receivedSeq = Math.max(receivedSeq, item.lease_seq);
    }
    session.send({
      type: "finished",
      items: frame.items.map(({ lease_seq, run_id, attempt, spec }) => ({
        lease_seq,
        run_id,
        attempt,
        started_at_ms: nowMs,
        finished_at_ms: nowMs,
        result: { task_id: spec.task_id, worker_id: name, status: "completed", execution_time_seconds: 0 },
      })),
    });
  }
  const intervalMs = await welcomed.promise;
  observer?.sessionOpened(name, intervalMs);
  setInterval(() => {
    observer?.heartbeatSent(name);
    session.send({
      type: "heartbeat",
      load: { cpu_percent: 0, memory_used_gb: 0, running: held.size },
      received_seq: receivedSeq,
      held: [...held],
    });
  }, intervalMs);
}

for (let index = 0; index < Number(count); index += 1) await startWorker(settings.firstIndex + index);
process.send?.("ready");
observer?.begin();
