type Mapping = Readonly<Record<string, unknown>>;

/**
 * A suite document with its `defaults` put into every task. Mappings are merged key by key, the task's own value first;
 * lists and single values of the task replace the default. What is not a suite or not a task stays as it is.
 */
export function withDefaults(document: unknown): unknown {
  if (!isMapping(document) || !isMapping(document["defaults"]) || !Array.isArray(document["tasks"])) return document;
  const defaults = document["defaults"];
  const tasks: unknown[] = document["tasks"];
  return { ...document, tasks: tasks.map((task) => (isMapping(task) ? merged(defaults, task) : task)) };
}

/** Mappings key by key, the own value first. */
export function merged(base: Mapping, own: Mapping): Mapping {
  const inherited = Object.entries(base).map(([key, value]): [string, unknown] => {
    const mine = own[key];
    if (isMapping(value) && isMapping(mine)) return [key, merged(value, mine)];
    return [key, mine === undefined ? value : mine];
  });
  return { ...own, ...Object.fromEntries(inherited) };
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
