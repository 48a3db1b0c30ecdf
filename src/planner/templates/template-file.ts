import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { template } from "../../contracts/index.ts";
import type { Template } from "../../contracts/index.ts";
import { checkedDocument } from "../checked-document.ts";
import { readSuiteText } from "../suite-text.ts";

const FOLDER = join(import.meta.dirname, "built-in");

/** The templates that come with Assay. */
export function builtInTemplates(): Template[] {
  const files = readdirSync(FOLDER).sort();
  return files.map((file) => parseTemplate(readFileSync(join(FOLDER, file), "utf8"), file));
}

/** Reads a template file (YAML or JSON). Errors as for a suite file, with the line. */
export async function loadTemplate(file: string, { cwd }: { cwd: string }): Promise<Template> {
  return parseTemplate(await readSuiteText(file, cwd), file);
}

function parseTemplate(text: string, file: string): Template {
  return checkedDocument({ text, file }, { schema: template, kind: "template" });
}
