// A thread for what takes a whole core: the worker's own work goes on beside it.
import { parentPort, workerData } from "node:worker_threads";
import { assert, systemClock } from "../../base/index.ts";
import type { WorkRate } from "./cpu-workload.ts";
import { floatWork, integerWork, workRate } from "./cpu-workload.ts";
import type { MemoryReport } from "./memory-test.ts";
import { testMemory } from "./memory-test.ts";

/** What a thread is to do. */
export type SelfTest = { seconds: number } & ({ test: "integer" | "float" } | { test: "memory"; memoryMb: number });
/** What it answers, by test. */
export interface SelfTestAnswers {
  integer: WorkRate;
  float: WorkRate;
  memory: MemoryReport;
}

const port = parentPort;
assert(port !== null, "the thread of a self-test is started by its executor");
const order = workerData as SelfTest;

/** Begins when told to, so that several threads work at the same time. */
port.once("message", () => port.postMessage(answer()));
port.postMessage("ready");

function answer(): SelfTestAnswers[keyof SelfTestAnswers] {
  const bounds = { seconds: order.seconds, clock: systemClock };
  if (order.test === "memory") return testMemory(order.memoryMb, bounds);
  return workRate(order.test === "integer" ? integerWork : floatWork, bounds);
}
