import type { JsonObject } from "../../base/index.ts";

/** Picks the named numbers out of a `config.json`; throws where one is missing. */
export function configSizes<Name extends string>(config: JsonObject, names: readonly Name[]): Record<Name, number> {
  const sizes: Partial<Record<Name, number>> = {};
  for (const name of names) {
    const value = config[name];
    if (typeof value !== "number") throw new Error(`config.json has no number ${name}`);
    sizes[name] = value;
  }
  return sizes as Record<Name, number>;
}
