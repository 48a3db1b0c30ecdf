import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fault, faultsFromIssues, template } from "../../contracts/index.ts";
import type { Template } from "../../contracts/index.ts";
import { locatedError } from "../located-error.ts";
import { parseSource } from "../suite-source.ts";
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
  const { value, placeOf } = parseSource(text, file);
  const parsed = template.safeParse(value);
  if (parsed.success) return parsed.data;
  const located = faultsFromIssues(parsed.error.issues, "template").map((found) => ({
    ...found,
    place: placeOf(found.path ?? ""),
  }));
  const [first = fault("invalid_field", "the template is not valid"), ...others] = located;
  throw locatedError(file, [first, ...others]);
}
