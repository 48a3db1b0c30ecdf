import { Worker } from "bullmq";

/** BullMQ's workers for the comparison: the same number, in a process of their own. `bullmq-workers.ts PORT QUEUE COUNT CONCURRENCY`. */
const [port = "6379", queue = "bench", count = "1", concurrency = "1"] = process.argv.slice(2);
const connection = { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null };
const workers = Array.from(
  { length: Number(count) },
  () =>
    new Worker(queue, async () => null, {
      connection,
      concurrency: Number(concurrency),
      removeOnComplete: { count: 0 },
    }),
);
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
process.send?.("ready");
process.on("disconnect", () => process.exit(0));
