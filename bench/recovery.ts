import { parseArgs } from "node:util";
import { report } from "./report.ts";
import { secondsUntilAllAreBack } from "./reconnect.ts";
import { measureRestart } from "./restart.ts";
import { secondsUntilRunAgain } from "./worker-loss.ts";
import type { Loss } from "./worker-loss.ts";

/**
 * How long it takes until things go on after a failure, with real processes at default settings. Each figure is the worst of
 * its rounds.
 */
const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    workers: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const PLACES = 100;

/** The worst of some rounds, one after the other. */
async function worst(round: () => Promise<number>): Promise<number> {
  let seconds = 0;
  for (let index = 0; index < rounds; index += 1) seconds = Math.max(seconds, await round());
  return Math.round(seconds * PLACES) / PLACES;
}

const loss = (kind: Loss) => (): Promise<number> => secondsUntilRunAgain(kind);
const closed = await worst(loss("SIGKILL"));
console.log(`a killed worker's task runs again after at most ${closed} s`);
const silent = await worst(loss("SIGSTOP"));
console.log(`a stopped worker's task runs again after at most ${silent} s`);
const reconnect = await worst(() => secondsUntilAllAreBack(Number(values.workers)));
console.log(`${values.workers} workers are back after at most ${reconnect} s`);
const restart = await measureRestart(Number(values.events), worst);
report("recovery", {
  closed_socket_s: closed,
  silent_worker_s: silent,
  restart_1m_events_s: restart.withSnapshot,
  restart_1m_events_no_snapshot_s: restart.withoutSnapshot,
  restart_events: restart.events,
  reconnect_1000_workers_s: reconnect,
});
