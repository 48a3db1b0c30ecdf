// The thread of one attempt: the load neither waits for the worker's own work nor holds it up, and a regular expression or a schema
// that takes for ever can be ended.
import { parentPort, workerData } from "node:worker_threads";
import { assert, systemClock } from "../../base/index.ts";
import type { ApiOutcome } from "./api-report.ts";
import type { ApiOrder, ApiProgress } from "./api-run.ts";
import { runApi } from "./api-run.ts";

/** What the thread tells. */
export type ApiThreadMessage = ({ type: "progress" } & ApiProgress) | { type: "ended"; outcome: ApiOutcome };

const port = parentPort;
assert(port !== null, "the thread of an api task is started by its executor");
const controller = new AbortController();
// The only thing that is ever sent to it.
port.on("message", () => controller.abort());
const tell = (message: ApiThreadMessage): void => port.postMessage(message);

const outcome = await runApi(workerData as ApiOrder, {
  clock: systemClock,
  signal: controller.signal,
  onProgress: (progress) => tell({ type: "progress", ...progress }),
});
tell({ type: "ended", outcome });
port.close();
