import { setTimeout as delay } from "node:timers/promises";
import { AssayError, seededRng } from "../../src/base/index.ts";
import type { Rng } from "../../src/base/index.ts";
import { createClient } from "../../src/client/index.ts";
import type { Client } from "../../src/client/index.ts";
import type { SubmitRunInput } from "../../src/contracts/index.ts";

const RUN_EVERY_MS = 1_000;
const MOST_OPEN_TASKS = 60;
const AGAIN_MS = 250;
const MODEL_PART = 0.06;

/** A run that the coordinator said it accepted. */
export interface Accepted {
  runId: string;
  name: string;
  taskIds: string[];
}

/** A client that submits runs without end, each under a key of its own until it is accepted. */
export class Load {
  readonly accepted: Accepted[] = [];
  private readonly client: Client;
  private readonly rng: Rng;
  private readonly ranFolder: string;
  private over = false;
  private readonly ended: Promise<void>;

  /** Commands leave a mark in `ranFolder`: what ran is known apart from what the coordinator says. */
  constructor(link: { url: string; token: string }, options: { seed: number; ranFolder: string }) {
    this.client = createClient({ baseUrl: link.url, token: link.token });
    this.rng = seededRng(options.seed);
    this.ranFolder = options.ranFolder;
    this.ended = this.run();
  }

  /** Submits no more; resolves when what was begun is accepted. */
  async stop(): Promise<void> {
    this.over = true;
    await this.ended;
  }

  /** Resolves when so many workers take work. */
  async untilReady(workers: number): Promise<void> {
    for (;;) {
      const status = await this.client.status().catch(() => undefined);
      if (status && status.workers.ready >= workers) return;
      await delay(AGAIN_MS);
    }
  }

  /** Resolves when nothing is left to do; false when the time is over before. */
  async untilDone(limitMs: number): Promise<boolean> {
    for (const startMs = performance.now(); performance.now() - startMs < limitMs; await delay(AGAIN_MS)) {
      const status = await this.client.status().catch(() => undefined);
      if (status?.active_runs === 0) return true;
    }
    return false;
  }

  private async run(): Promise<void> {
    for (let index = 0; !this.over; index += 1) {
      await this.submit(this.request(index));
      await delay(RUN_EVERY_MS);
      while (!this.over && (await this.openTasks()) > MOST_OPEN_TASKS) await delay(AGAIN_MS);
    }
  }

  private async openTasks(): Promise<number> {
    const status = await this.client.status().catch(() => undefined);
    return status ? status.tasks.waiting + status.tasks.running : 0;
  }

  /** Again and again under the same key: an answer that was lost must not make a second run. */
  private async submit(request: SubmitRunInput): Promise<void> {
    for (;;) {
      try {
        const { run_id: runId } = await this.client.submitRun(request, { idempotencyKey: request.name });
        this.accepted.push({ runId, name: request.name, taskIds: request.tasks.map((task) => task.task_id) });
        return;
      } catch (error) {
        if (!(error instanceof AssayError)) throw error;
        await delay(AGAIN_MS);
      }
    }
  }

  private request(index: number): SubmitRunInput {
    const name = `run-${index}`;
    const tasks = Array.from({ length: 3 + this.rng.below(6) }, (_, place) => this.task(name, place));
    return { name, wait_for_capacity: true, tasks };
  }

  private task(run: string, place: number): SubmitRunInput["tasks"][number] {
    const { rng } = this;
    const task_id = `t${place}`;
    if (rng.next() < MODEL_PART) {
      const config = { model: "tiny-bert", batch_sizes: [1], iterations: 3, warmup_iterations: 1 };
      return { task_id, type: "model", requirements: { hardware: ["cpu"] }, config } as SubmitRunInput["tasks"][number];
    }
    const seconds = (0.05 + rng.next() * 1.5).toFixed(2);
    const end = rng.next() < 0.1 ? "exit 1" : "echo done";
    const command = `sleep ${seconds}; echo "$ASSAY_ATTEMPT" >> "${this.ranFolder}/${run}-${task_id}"; ${end}`;
    const depends_on = place > 0 && rng.next() < 0.2 ? [`t${place - 1}`] : [];
    return { task_id, type: "command", config: { command }, depends_on };
  }
}
