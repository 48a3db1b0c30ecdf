import { isAlias, isMap, isSeq, parseDocument } from "yaml";
import type { Node } from "yaml";
import { assayError, project } from "../../contracts/index.ts";
import type { Project, ProjectOverride, ProjectSuite } from "../../contracts/index.ts";
import { checkedDocument } from "../checked-document.ts";
import { PROJECT_FILE } from "../tests/project-file.ts";
import { appended, entryLines, newlineOf } from "./yaml-list.ts";
import type { Edit, Entry } from "./yaml-list.ts";

/** An override that assay.yaml is to get, and the lines of evidence above it. */
export interface NewOverride {
  override: ProjectOverride;
  evidence: readonly string[];
}

export interface SuiteOverrides {
  suite: ProjectSuite;
  overrides: readonly NewOverride[];
}

const INTRODUCTION = [
  "# Which tests this project has and what they need. Assay reads it; whoever knows better may change it: what stands here is kept.",
];

/**
 * The text of assay.yaml with these overrides; `text` is null where there is none yet. A project that names its suites keeps them, one that
 * does not gets those that were found. What is there keeps its bytes.
 */
export function adoptedText(
  text: string | null,
  { suites: named }: Project,
  suites: readonly SuiteOverrides[],
): string {
  const entries = suites.map(suiteEntry);
  if (text === null) return `${[...INTRODUCTION, "suites:", ...listLines(entries)].join("\n")}\n`;
  const edits = named.length === 0 ? [suiteEdit(text, entries)] : overrideEdits(text, suites);
  const after = edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((made, { start, end, text: added }) => made.slice(0, start) + added + made.slice(end), text);
  // Whatever the form of the text was: it must say the same and more.
  checkedDocument({ text: after, file: PROJECT_FILE }, { schema: project, kind: "project" });
  return after;
}

function listLines(entries: readonly Entry[]): string[] {
  return entries.flatMap(entryLines).map((line) => `  ${line}`);
}

function suiteEntry({ suite: { framework, directory }, overrides }: SuiteOverrides): Entry {
  return { comments: [], value: { framework, directory }, lists: { overrides: overrides.map(overrideEntry) } };
}

function overrideEntry({ override, evidence }: NewOverride): Entry {
  return { comments: evidence, value: override };
}

function suiteEdit(text: string, entries: readonly Entry[]): Edit {
  const { contents } = parseDocument(text);
  if (isMap<Node, Node | null>(contents)) return appended(text, { map: contents, key: "suites" }, entries);
  const newline = newlineOf(text);
  const between = text === "" || text.endsWith("\n") ? "" : newline;
  const lines = ["suites:", ...listLines(entries)];
  return { start: text.length, end: text.length, text: `${between}${lines.join(newline)}${newline}` };
}

function overrideEdits(text: string, suites: readonly SuiteOverrides[]): Edit[] {
  const document = parseDocument(text);
  const list = document.get("suites", true);
  return suites.flatMap(({ overrides }, index) => {
    if (overrides.length === 0) return [];
    const map = isSeq<Node>(list) ? list.items[index] : null;
    if (!isMap<Node, Node | null>(map) || isAlias(map)) {
      throw assayError(
        "invalid_syntax",
        `${PROJECT_FILE}: suites[${index}] is an alias, to which nothing can be added`,
        {
          next: "Write the suite out where the alias stands.",
        },
      );
    }
    return [appended(text, { map, key: "overrides" }, overrides.map(overrideEntry))];
  });
}
