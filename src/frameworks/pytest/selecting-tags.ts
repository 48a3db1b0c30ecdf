import { dirname, join } from "node:path";
import type { FrameworkPlace, MarkOrder } from "../framework.ts";

/**
 * Markers by which a project chooses or changes its own tests, each with the place that does it: a `-m` in its options, or a conftest.py
 * that asks for them. One more test with such a marker would not be run as before.
 */
export async function selectingTags(
  { folder, arguments: given, starter }: FrameworkPlace,
  { files, wishes }: MarkOrder,
  settingsPath: string,
): Promise<Map<string, string>> {
  const settings = (await files.read(settingsPath))?.toString("latin1") ?? "";
  const options = [settings, given.join(" "), starter.env["PYTEST_ADDOPTS"] ?? ""];
  const folders = new Set(wishes.flatMap(({ file }) => foldersUp(dirname(file))));
  const hooks: { path: string; text: string }[] = [];
  for (const below of folders) {
    const path = below === "." ? "conftest.py" : `${below}/conftest.py`;
    const content = await files.read(join(folder, path));
    if (content !== null) hooks.push({ path, text: content.toString("latin1") });
  }
  const selecting = new Map<string, string>();
  for (const tag of new Set(wishes.map((wish) => wish.tag))) {
    const option = new RegExp(`-m["',\\s=]+[^\\n]*\\b${tag}\\b`);
    // `gpu: needs a GPU` only registers it.
    const word = new RegExp(`["'](?:[^"'\\n]*\\s)?${tag}(?![:(\\w])[^"'\\n]*["']`);
    const hook = hooks.find(({ text }) => word.test(text));
    if (options.some((text) => option.test(text))) selecting.set(tag, "-m");
    else if (hook !== undefined) selecting.set(tag, hook.path);
  }
  return selecting;
}

function foldersUp(folder: string): string[] {
  return folder === "." || folder === dirname(folder) ? ["."] : [folder, ...foldersUp(dirname(folder))];
}
