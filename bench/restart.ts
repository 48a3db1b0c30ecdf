import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "../src/client/index.ts";
import type { Client } from "../src/client/index.ts";
import { dataFolder } from "../src/coordinator/index.ts";
import { Site } from "../test/support/assay-process.ts";
import { LoadGenerators } from "./load-generators.ts";
import { noopTasks } from "./noop-tasks.ts";

/** How long a coordinator takes to lead again on a long journal, after a kill -9. */
const WORKERS = 100;
const CREDITS = 32;
const PORTION = 1_000;
const SUBMITTERS = 4;
const LOOK_AGAIN_MS = 5;
const SNAPSHOT_FOLDER = "snapshots";

interface Link {
  url: string;
  token: string;
  process: { stop(signal: NodeJS.Signals): Promise<unknown> };
}

/** Finishes no-op tasks until the journal holds so many events. */
async function fill(link: Link, events: number): Promise<void> {
  const client = createClient({ baseUrl: link.url, token: link.token });
  const load = await LoadGenerators.start({
    coordinator: link,
    workers: WORKERS,
    credits: CREDITS,
    processes: 1,
    settings: {},
  });
  try {
    let next = 0;
    const submitter = async (): Promise<void> => {
      while ((await client.status()).seq < events) {
        const start = next;
        next += PORTION;
        await client.submitRun({ name: "history", tasks: noopTasks(PORTION, start) });
      }
    };
    await Promise.all(Array.from({ length: SUBMITTERS }, submitter));
    // What was submitted last ends too: the submitters run ahead of the workers.
    while ((await client.status()).active_runs > 0) await delay(LOOK_AGAIN_MS * 10);
  } finally {
    await load.stop();
  }
}

/** Seconds from the start of the process until the coordinator answers, which it does only when it leads. */
async function secondsUntilLeading(start: () => Promise<Link>): Promise<{ seconds: number; link: Link }> {
  const startMs = performance.now();
  const link = await start();
  await statusOf(createClient({ baseUrl: link.url, token: link.token }));
  return { seconds: (performance.now() - startMs) / 1000, link };
}

async function statusOf(client: Client): Promise<void> {
  for (;;) {
    try {
      return void (await client.status());
    } catch {
      await delay(LOOK_AGAIN_MS);
    }
  }
}

export interface RestartFigures {
  withSnapshot: number;
  withoutSnapshot: number;
  events: number;
}

/** Fills a journal with so many events, kills the coordinator and starts it again, with its snapshots and without. */
export async function measureRestart(
  events: number,
  worst: (round: () => Promise<number>) => Promise<number>,
): Promise<RestartFigures> {
  await using site = await Site.open();
  let link: Link = await site.coordinator();
  await fill(link, events);
  const { seq } = await createClient({ baseUrl: link.url, token: link.token }).status();
  const snapshots = join(dataFolder(site.path("data")).journal, SNAPSHOT_FOLDER);
  const restart = async (): Promise<number> => {
    await link.process.stop("SIGKILL");
    const { seconds, link: next } = await secondsUntilLeading(() => site.coordinator());
    link = next;
    return seconds;
  };
  const withSnapshot = await worst(restart);
  const withoutSnapshot = await worst(async () => {
    await rm(snapshots, { recursive: true, force: true });
    return restart();
  });
  return { withSnapshot, withoutSnapshot, events: seq };
}
