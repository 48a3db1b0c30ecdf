import { parseArgs } from "node:util";
import { report } from "../../bench/report.ts";
import { chaos } from "./chaos.ts";

/** `npm run chaos -- --minutes M --seed S [--json]`: a real cluster under faults. Exits with 1 when anything was lost or doubled. */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const found = await chaos({ durationMs: Number(values.minutes) * 60_000, seed, say: (text) => console.log(text) });
const { lost, doubled, orphans, surprises, skipped, settled, verified } = found;
for (const text of [...lost, ...doubled, ...orphans].slice(0, 40)) console.error(text);
for (const text of surprises) console.error(`ended by itself: ${text}`);
for (const text of skipped) console.log(`skipped: ${text}`);
console.log(`faults: ${JSON.stringify(found.faults)}; settled: ${settled}; the journal is whole: ${verified}`);
report("chaos", {
  seed,
  minutes: Number(values.minutes),
  faults: Object.values(found.faults).reduce((sum, count) => sum + count, 0),
  tasks: found.tasks,
  attempts: found.attempts,
  results: found.results,
  lost: lost.length,
  doubled: doubled.length,
  orphans: orphans.length,
  ended_by_themselves: surprises.length,
  rss_slope_mb_per_minute: Math.round(found.rssSlopeMbPerMinute * 100) / 100,
});
process.exit(settled && verified && lost.length + doubled.length + orphans.length === 0 ? 0 : 1);
