import type { Needs } from "./need-groups.ts";

const MAX_NAME = 60;

/** A marker for needs: a platform alone is its name, as people call such markers; all else begins with `needs_`. */
export function markerName({ requirements = {}, resources = {}, labels = {} }: Needs): string {
  const { hardware = [], ...more } = requirements;
  const others = words({ ...more, ...resources, ...labels });
  const platforms = isAnyGpu(hardware) ? "gpu" : hardware.join("_or_");
  if (others.length === 0 && /^[a-z]\w*$/.test(platforms)) return platforms;
  const name = ["needs", ...(platforms === "" ? [] : [platforms]), ...others].join("_");
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .slice(0, MAX_NAME)
    .replace(/_+$/, "");
}

/** What people mean by `gpu` where it is about PyTorch and its like. */
function isAnyGpu(hardware: readonly string[]): boolean {
  return hardware.toSorted().join() === "cuda,rocm";
}

/** What a marker says, in ASCII and without what settings files give a meaning. */
export function markerMeaning({ requirements = {}, resources = {}, labels = {} }: Needs): string {
  const { hardware, ...more } = requirements;
  const platforms = hardware === undefined ? [] : [`hardware ${hardware.join(" or ")}`];
  const others = Object.entries({ ...more, ...resources, ...labels }).map(([name, value]) =>
    words({ [name]: value }).join(" "),
  );
  return `needs ${[...platforms, ...others].join(", ")}`.replaceAll(/[^\w .,<>=-]+/g, " ");
}

function words(needs: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(needs).flatMap(([name, value]) => {
    if (value === true) return [name];
    if (Array.isArray(value)) return [...(value as unknown[]).map(String)];
    return typeof value === "object" && value !== null
      ? words(value as Record<string, unknown>)
      : [name, String(value)];
  });
}
