/** Leaves room for backend, precision or task within an identifier. */
const MAX_NAME_LENGTH = 100;

/** Names for parts of identifiers: models may be folders, and an identifier holds only part of what a path can. */
export function distinctNames(models: readonly string[]): string[] {
  const taken = new Set<string>();
  return models.map((model) => {
    const plain = model.replaceAll(/[^A-Za-z0-9._:/@+\-[\]=,]/g, "-").slice(-MAX_NAME_LENGTH);
    const base = plain.replace(/^[^A-Za-z0-9]+/, "") || "model";
    let name = base;
    for (let number = 2; taken.has(name); number += 1) name = `${base}-${number}`;
    taken.add(name);
    return name;
  });
}
