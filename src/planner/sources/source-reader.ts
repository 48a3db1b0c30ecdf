import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage } from "../../base/index.ts";
import type { ProcessStarter } from "../../frameworks/index.ts";
import { pythonFacts } from "./python-facts.ts";
import { scriptFacts } from "./script-facts.ts";
import { noFacts } from "./source-facts.ts";
import type { SourceFacts } from "./source-facts.ts";

export type Language = "python" | "script";

/** Of which language a file is, as far as Assay reads it. */
export function languageOf(file: string): Language | undefined {
  if (/\.pyi?$/.test(file)) return "python";
  return /\.[cm]?[jt]sx?$/.test(file) ? "script" : undefined;
}

/** Reads source files below a folder, each once. */
export class SourceReader {
  private readonly root: string;
  private readonly place: { folder: string; starter: ProcessStarter };
  private readonly known = new Map<string, SourceFacts>();

  /** `folder` is where the interpreter of the project is looked for. */
  constructor(root: string, place: { folder: string; starter: ProcessStarter }) {
    this.root = root;
    this.place = place;
  }

  /** The facts of the given files; those of a file in another language have a problem. */
  async read(files: readonly string[]): Promise<ReadonlyMap<string, SourceFacts>> {
    const open = [...new Set(files)].filter((file) => !this.known.has(file));
    const python = new Map(open.filter((file) => languageOf(file) === "python").map((file) => [this.path(file), file]));
    for (const [path, facts] of await pythonFacts([...python.keys()], this.place)) {
      this.known.set(python.get(path) ?? path, facts);
    }
    for (const file of open) if (!this.known.has(file)) this.known.set(file, await this.script(file));
    return new Map(files.map((file) => [file, this.known.get(file) ?? noFacts()]));
  }

  private async script(file: string): Promise<SourceFacts> {
    if (languageOf(file) === undefined) return noFacts({ line: 1, message: "is in no language that Assay reads" });
    try {
      return await scriptFacts(file, await readFile(this.path(file), "utf8"));
    } catch (error) {
      return noFacts({ line: 1, message: errorMessage(error) });
    }
  }

  private path(file: string): string {
    return join(this.root, file);
  }
}
