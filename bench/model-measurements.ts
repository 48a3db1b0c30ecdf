import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient } from "../src/client/index.ts";
import type { Client } from "../src/client/index.ts";
import type { SubmitRunInput } from "../src/contracts/index.ts";
import { Site } from "../test/support/assay-process.ts";

const BARE_LOOP = fileURLToPath(new URL("bare-loop.ts", import.meta.url));
const run = promisify(execFile);

export interface Measurement {
  model: string;
  batchSize: number;
  sequenceLength: number;
  iterations: number;
  warmup: number;
}

/** A coordinator and a worker as users start them, to measure models through, and the bare loop beside them. */
export class ModelBench implements AsyncDisposable {
  private readonly site: Site;
  private readonly client: Client;
  readonly cacheDir: string;

  private constructor(site: Site, client: Client) {
    this.site = site;
    this.client = client;
    this.cacheDir = site.path("bare-cache");
  }

  static async open(): Promise<ModelBench> {
    const site = await Site.open();
    try {
      const link = await site.coordinator();
      site.worker("measurer", link);
      const client = createClient({ baseUrl: link.url, token: link.token });
      while ((await client.status()).workers.ready === 0) await new Promise((resolve) => setTimeout(resolve, 100));
      return new ModelBench(site, client);
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.site[Symbol.asyncDispose]();
  }

  /** Medians of the launches of one benchmark task, in milliseconds. */
  async throughAssay(measurement: Measurement, launches: number): Promise<number[]> {
    const { model, batchSize, sequenceLength, iterations, warmup } = measurement;
    const config = {
      model,
      batch_sizes: [batchSize],
      sequence_length: sequenceLength,
      iterations: iterations * launches,
      warmup_iterations: warmup,
      launches,
    };
    const task = { task_id: "t", type: "benchmark", requirements: { hardware: ["cpu"] }, config };
    const { run_id: runId } = await this.client.submitRun({ name: "bench", tasks: [task] } as SubmitRunInput);
    await this.client.waitForRun(runId);
    for await (const result of this.client.results({ run_id: runId })) {
      const batch = (result.results["batch_sizes"] as Record<string, { launches: { p50_ms: number }[] }>)[batchSize];
      if (result.status === "completed" && batch) return batch.launches.map(({ p50_ms: p50 }) => p50);
    }
    throw new Error(`run ${runId} gave no measurement`);
  }

  async bare({ model, batchSize, sequenceLength, iterations, warmup }: Measurement): Promise<number> {
    const numbers = [batchSize, sequenceLength, iterations, warmup].map(String);
    const { stdout } = await run(process.execPath, [BARE_LOOP, join(this.cacheDir), model, ...numbers]);
    return (JSON.parse(stdout) as { p50_ms: number }).p50_ms;
  }
}
