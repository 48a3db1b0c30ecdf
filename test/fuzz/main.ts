import { parseArgs } from "node:util";
import { report } from "../../bench/report.ts";
import { fuzz } from "./fuzz.ts";

/** `npm run fuzz -- --frames N --seed S [--json]`: feeds spoilt frames and API bodies to a coordinator. Exits with 1 for a finding. */
const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const MIB = 2 ** 20;
const startMs = performance.now();
let lastTold = 0;
const findings = await fuzz({
  frames: Number(values.frames),
  seed: Number(values.seed),
  onProgress: ({ frames, bodies, crashes, acceptedNonsense }) => {
    if (performance.now() - lastTold < 5_000) return;
    lastTold = performance.now();
    const rss = Math.round(process.memoryUsage.rss() / MIB);
    console.log(`${frames} frames, ${bodies} bodies, ${crashes} crashes, ${acceptedNonsense} nonsense, ${rss} MiB`);
  },
});
const seconds = (performance.now() - startMs) / 1000;
for (const finding of findings.reports) console.error(finding);
for (const [operation, byStatus] of Object.entries(findings.answered))
  console.log(`${operation.padEnd(20)} ${JSON.stringify(byStatus)}`);
report("fuzz", {
  seed: Number(values.seed),
  frames: findings.frames,
  accepted: findings.accepted,
  results: findings.results,
  bodies: findings.bodies,
  crashes: findings.crashes,
  accepted_nonsense: findings.acceptedNonsense,
  frames_per_second: Math.round(findings.frames / seconds),
  rss_mb: Math.round(process.memoryUsage.rss() / 1e6),
});
process.exit(findings.crashes + findings.acceptedNonsense > 0 ? 1 : 0);
