// A test program: a worker in a process of its own, over a real WebSocket, to be killed. Arguments: address, data folder.
import { dialWebSocket } from "../transport/index.ts";
import { seededRng, systemClock } from "../base/index.ts";
import { CommandExecutor } from "../executors/index.ts";
import { createPlatform } from "../platform/index.ts";
import { startWorker } from "./start-worker.ts";

const [url = "", dataDir = ""] = process.argv.slice(2);
const say = (fields: object, message: string): void => console.log(JSON.stringify({ ...fields, message }));
const platform = createPlatform({ diskPath: dataDir, env: process.env });

const worker = await startWorker({
  dial: (signal) =>
    dialWebSocket({ url, token: null, subprotocols: ["assay.v1+json"], handshakeTimeoutMs: 5_000, signal }),
  artifactStore: {
    put: () => Promise.resolve({ sha256: "0".repeat(64), sizeBytes: 0 }),
    get: () => Promise.reject(new Error("this store gives nothing back")),
    getMany: () => Promise.reject(new Error("this store gives nothing back")),
  },
  dataDir,
  name: "crash-child",
  slots: 2,
  executors: [new CommandExecutor({ platform, killGraceMs: 200 })],
  platform,
  env: process.env,
  clock: systemClock,
  rng: seededRng(1),
  logger: { debug: say, info: say, warn: say, error: say },
});
process.once("SIGTERM", () => void worker.stop({ deadlineMs: 0 }));
const fault = await worker.ended;
say({ fault }, "ended");
