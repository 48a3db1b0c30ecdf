import { Worker } from "node:worker_threads";
import { assert, siblingModule } from "../../base/index.ts";
import type { TaskSpec } from "../../contracts/index.ts";
import type { ExecutionContext, ExecutionReport, Executor } from "../executor.ts";
import { abortReason, interruptedReport } from "../interruption.ts";
import type { ApiOutcome } from "./api-report.ts";
import type { ApiOrder, ApiProgress } from "./api-run.ts";
import type { ApiThreadMessage } from "./api-thread.ts";
import { requestHeaders } from "./request-headers.ts";

/** A thread that was told to stop has so long to tell what it found. */
const STOP_GRACE_MS = 2_000;

/** Runs tasks of type `api`: sends HTTP requests, one or a load of them, and checks and times the answers. */
export class ApiExecutor implements Executor {
  readonly types = ["api"] as const;

  async execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    assert(spec.type === "api", `an api executor was given a ${spec.type} task`);
    const { config } = spec;
    const filled = requestHeaders(config, context.env);
    if (!filled.ok) return { status: "failed", failure: filled.error };
    context.log("stdout", `${config.method} ${config.url}\n`);
    const outcome = await inThread({ config, ...filled.value }, context);
    const reason = abortReason(context.signal);
    if (outcome === undefined) return interruptedReport(reason ?? "cancelled");
    const { failure, results, metrics, provenance } = outcome;
    if (reason !== undefined) return { ...interruptedReport(reason), partial: true, results, metrics, provenance };
    context.log("stdout", `${failure === null ? "passed" : failure.message}\n`);
    return failure === null
      ? { status: "completed", results, metrics, provenance }
      : { status: "failed", failure, results, metrics, provenance };
  }
}

/** Undefined when the thread had to be ended before it told anything. */
async function inThread(order: ApiOrder, context: ExecutionContext): Promise<ApiOutcome | undefined> {
  const { signal, clock } = context;
  if (signal.aborted) return undefined;
  const thread = new Worker(siblingModule(import.meta.url, "./api-thread"), {
    name: "assay api",
    workerData: order,
    // Its secrets are in its order.
    env: {},
  });
  const { promise, resolve, reject } = Promise.withResolvers<ApiOutcome | undefined>();
  thread.on("message", (message: ApiThreadMessage) => {
    if (message.type === "ended") resolve(message.outcome);
    else context.progress(progressReport(message));
  });
  thread.on("error", reject);
  thread.on("exit", () => resolve(undefined));
  const stop = (): void => {
    thread.postMessage("stop");
    clock.setTimer(STOP_GRACE_MS, () => void thread.terminate());
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
    await thread.terminate();
  }
}

function progressReport({ done, total, failed }: ApiProgress): { fraction: number; message: string } {
  return { fraction: done / total, message: `${done} of ${total} requests, ${failed} failed` };
}
