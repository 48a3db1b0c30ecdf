import { randomUUID } from "node:crypto";
import { hashText, seededRng, systemClock } from "../src/base/index.ts";
import { SUBPROTOCOLS, capabilityDocument } from "../src/contracts/index.ts";
import { WorkerSession, dialWebSocket, keepConnected } from "../src/transport/index.ts";

/**
 * Idle workers that come back when their connection is lost, with the product's own session, back-off and limits. Run as a
 * child process: `steady-workers.ts URL TOKEN COUNT FIRST_INDEX`. Tells its parent how many are welcome whenever that changes.
 */
const [url = "", token = "", count = "1", firstIndex = "0"] = process.argv.slice(2);
const HANDSHAKE_TIMEOUT_MS = 10_000;

const capabilities = capabilityDocument.parse({
  hostname: "bench",
  os: { platform: "linux", release: "0", arch: "x64" },
  cpu: { model: "none", cores: 1, threads: 1 },
  memory_gb: 1,
  disk_free_gb: 1,
  hardware: ["cpu"],
  task_types: ["command"],
});

let welcome = 0;
function moved(change: 1 | -1): void {
  welcome += change;
  process.send?.({ welcome });
}

function keepOne(name: string): void {
  const rng = seededRng(hashText(name));
  const incarnation = randomUUID();
  void keepConnected({
    dial: (signal) =>
      dialWebSocket({ url, token, subprotocols: SUBPROTOCOLS, handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS, signal }),
    clock: systemClock,
    rng,
    signal: new AbortController().signal,
    onSession: (connection) => {
      let beat: NodeJS.Timeout | undefined;
      return new WorkerSession({
        connection,
        clock: systemClock,
        highestEpoch: 0,
        hello: { worker_id: name, name, incarnation, capabilities, slots: 1, credits: 1, held: [] },
        handlers: {
          onWelcome: (session, { heartbeat_interval_ms: everyMs }) => {
            moved(1);
            const load = { cpu_percent: 0, memory_used_gb: 0, running: 0 };
            beat = setInterval(() => session.send({ type: "heartbeat", load, received_seq: 0, held: [] }), everyMs);
          },
          onFrame: () => undefined,
          onDrain: () => undefined,
          onClosed: () => {
            if (beat) moved(-1);
            clearInterval(beat);
          },
        },
      });
    },
  });
}

process.on("disconnect", () => process.exit(0));
for (let index = 0; index < Number(count); index += 1) keepOne(`steady-${Number(firstIndex) + index}`);
process.send?.("ready");
