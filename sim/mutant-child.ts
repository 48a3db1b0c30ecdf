import { registerHooks } from "node:module";
import { MUTANTS } from "./mutants.ts";

/** `mutant-child.ts INDEX SEEDS EVENTS`: runs seeds with one planted bug until one is violated, and tells the parent. */
const [index = "0", seeds = "1", events = "1"] = process.argv.slice(2);
const mutant = MUTANTS[Number(index)];
if (!mutant) throw new Error(`there is no mutant ${index}`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/${mutant.file}`)) return loaded;
    const text = Buffer.from(loaded.source as Uint8Array).toString();
    const parts = text.split(mutant.from);
    if (parts.length !== 2) throw new Error(`${mutant.file} holds ${parts.length - 1} times: ${mutant.from}`);
    process.send?.({ planted: true });
    return { ...loaded, source: parts.join(mutant.to) };
  },
});

const { runSeed } = await import("./run-seed.ts");
const { optionsOf } = await import("./options.ts");
const all = Array.from({ length: Number(seeds) }, (_, at) => at + 1);
const { true: first = [], false: rest = [] } = Object.groupBy(all, (seed) => String(mutant.needs(optionsOf(seed))));
for (const seed of [...first, ...rest]) {
  const { violation } = await runSeed(seed, Number(events));
  if (!violation) continue;
  process.send?.({ seed, rule: violation.rule, message: violation.message.split("\n")[0] });
  break;
}
process.disconnect();
