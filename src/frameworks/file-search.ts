import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Deeper folders hold what somebody else wrote, or nothing that shows more. */
const MAX_DEPTH = 6;
const FOREIGN = new Set(["node_modules", "vendor", "target", "testdata", "dist", "build"]);

/** Path of the first file below a folder whose name and text match, folder by folder from the top; relative to it. */
export async function findFile(
  folder: string,
  { name, text }: { name: RegExp; text?: RegExp },
): Promise<string | null> {
  let level = ["."];
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth += 1) {
    const below: string[] = [];
    for (const place of level) {
      const entries = await readdir(join(folder, place), { withFileTypes: true }).catch(() => []);
      for (const entry of entries) {
        const path = place === "." ? entry.name : `${place}/${entry.name}`;
        if (entry.isDirectory() && !entry.name.startsWith(".") && !FOREIGN.has(entry.name)) below.push(path);
        if (!entry.isFile() || !name.test(entry.name)) continue;
        if (text === undefined || text.test(await readFile(join(folder, path), "utf8").catch(() => ""))) return path;
      }
    }
    level = below;
  }
  return null;
}
