import type { JsonObject } from "../base/index.ts";

/** Picks the named numbers out of a `config.json` or a section of it; throws where one is missing. */
export function configSizes<Name extends string>(config: JsonObject, names: readonly Name[]): Record<Name, number> {
  const sizes: Partial<Record<Name, number>> = {};
  for (const name of names) {
    const value = config[name];
    if (typeof value !== "number") throw new Error(`config.json has no number ${name}`);
    sizes[name] = value;
  }
  return sizes as Record<Name, number>;
}

/** A section of a `config.json`, where models of several kinds of input keep the sizes of one; empty where there is none. */
export function configSection(config: JsonObject, name: string): JsonObject {
  const value = config[name];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
