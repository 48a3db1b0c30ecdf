import { systemClock } from "../src/base/index.ts";
import { SUBPROTOCOLS, capabilityDocument } from "../src/contracts/index.ts";
import type { CapabilityDocument } from "../src/contracts/index.ts";
import { WorkerSession, dialWebSocket } from "../src/transport/index.ts";
import type { CoordinatorMessage } from "../src/transport/index.ts";

/**
 * Workers that answer every assignment at once: they cost next to nothing, so that what is measured is the coordinator. They
 * speak the real protocol through the real session. Run as a child process: `load-workers.ts URL TOKEN COUNT CREDITS`.
 */
const [url = "", token = "", count = "1", credits = "32"] = process.argv.slice(2);

const capabilities: CapabilityDocument = capabilityDocument.parse({
  hostname: "bench",
  os: { platform: "linux", release: "0", arch: "x64" },
  cpu: { model: "none", cores: 1, threads: 1 },
  memory_gb: 1,
  disk_free_gb: 1,
  hardware: ["cpu"],
  task_types: ["command"],
});

async function startWorker(index: number): Promise<void> {
  const name = `bench-${index}`;
  const held = new Set<number>();
  let receivedSeq = 0;
  const connection = await dialWebSocket({ url, token, subprotocols: SUBPROTOCOLS, handshakeTimeoutMs: 10_000 });
  const welcomed = Promise.withResolvers<number>();
  const session = new WorkerSession({
    connection,
    clock: systemClock,
    highestEpoch: 0,
    hello: {
      worker_id: name,
      name,
      incarnation: "1",
      capabilities,
      slots: Number(credits),
      credits: Number(credits),
      held: [],
    },
    handlers: {
      onWelcome: (_session, welcome) => welcomed.resolve(welcome.heartbeat_interval_ms),
      onFrame: (_session, frame) => answer(frame),
      onDrain: () => undefined,
      onClosed: (_session, end) =>
        end.reason !== "normal" && end.reason !== "shutting_down" && console.error(name, end),
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
  setInterval(() => {
    session.send({
      type: "heartbeat",
      load: { cpu_percent: 0, memory_used_gb: 0, running: held.size },
      received_seq: receivedSeq,
      held: [...held],
    });
  }, intervalMs);
}

for (let index = 0; index < Number(count); index += 1) await startWorker(index);
process.send?.("ready");
process.on("disconnect", () => process.exit(0));
