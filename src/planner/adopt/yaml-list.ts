import { Document, isAlias, isMap, isScalar, isSeq, visit } from "yaml";
import type { Node, YAMLMap, YAMLSeq } from "yaml";
import { assayError } from "../../contracts/index.ts";

/** An entry of a list, and the comments above it. */
export interface Entry {
  comments: readonly string[];
  value: Readonly<Record<string, unknown>>;
  /** Lists in it whose entries have comments too. */
  lists?: Readonly<Record<string, readonly Entry[]>>;
}

/** A change of a text: what stands from `start` to `end` gives way to `text`. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

type Mapping = YAMLMap<Node, Node | null>;

/**
 * What to change in a YAML text so that a list of a mapping has more entries. Only those are written: all else keeps its bytes. In a list
 * or mapping with brackets they are written as JSON, without comments. Error: invalid_syntax where the list is an alias.
 */
export function appended(text: string, { map, key }: { map: Mapping; key: string }, entries: readonly Entry[]): Edit {
  const field = map.items.find((one) => isScalar(one.key) && one.key.value === key);
  const value = field?.value ?? null;
  if (isAlias(value)) {
    throw assayError("invalid_syntax", `assay.yaml: ${key} is an alias, to which nothing can be added`, {
      next: "Write the list out where the alias stands.",
    });
  }
  if (isSeq<Node>(value) && value.items.length > 0) {
    if (value.flow === true) return insertion(end(value.items.at(-1) ?? null), `, ${entries.map(json).join(", ")}`);
    return lineInsertion(text, lastEnd(value), indented(entries.flatMap(entryLines), columnOf(text, value)));
  }
  if (map.flow === true) return flowField(map, { key, list: value }, entries);
  const column = columnOf(text, map);
  const lines = indented(indented(entries.flatMap(entryLines), INDENTATION), column);
  if (field === undefined) return lineInsertion(text, lastEnd(map), [...indented([`${key}:`], column), ...lines]);
  const newline = newlineOf(text);
  return { start: text.indexOf(":", end(field.key)) + 1, end: end(value), text: newline + lines.join(newline) };
}

const INDENTATION = 2;

function flowField(map: Mapping, { key, list }: { key: string; list: Node | null }, entries: readonly Entry[]): Edit {
  const text = `[${entries.map(json).join(", ")}]`;
  if (list !== null) return { start: list.range?.[0] ?? 0, end: end(list), text };
  const last = map.items.at(-1);
  const added = `${JSON.stringify(key)}: ${text}`;
  return last === undefined
    ? insertion((map.range?.[0] ?? 0) + 1, added)
    : insertion(Math.max(end(last.key), end(last.value)), `, ${added}`);
}

/** An entry as the lines of a list in blocks, from the left margin. */
export function entryLines({ comments, value, lists = {} }: Entry): string[] {
  const document = new Document(value);
  visit(document, {
    // Short lists are easier to read in one line; names of tests are long.
    Pair: (_key, { key, value: part }) => {
      if (isSeq(part) && !(isScalar(key) && key.value === "match")) part.flow = true;
    },
  });
  const lines = document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd().split("\n");
  for (const [name, entries] of Object.entries(lists)) {
    if (entries.length > 0) lines.push(`${name}:`, ...indented(entries.flatMap(entryLines), INDENTATION));
  }
  const [first = "", ...more] = lines;
  return [...comments.map((comment) => `# ${comment}`), `- ${first}`, ...indented(more, INDENTATION)];
}

function json(entry: Entry): string {
  return JSON.stringify(plainValue(entry));
}

function plainValue({ value, lists = {} }: Entry): unknown {
  const filled = Object.entries(lists).filter(([, entries]) => entries.length > 0);
  return { ...value, ...Object.fromEntries(filled.map(([name, entries]) => [name, entries.map(plainValue)])) };
}

function indented(lines: readonly string[], columns: number): string[] {
  return lines.map((line) => " ".repeat(columns) + line);
}

function insertion(at: number, text: string): Edit {
  return { start: at, end: at, text };
}

/** New lines below that in which a place is. */
function lineInsertion(text: string, place: number, lines: readonly string[]): Edit {
  // The text of a block ends behind its last line.
  const next = text.indexOf("\n", text[place - 1] === "\n" ? place - 1 : place);
  const at = next === -1 ? text.length : text[next - 1] === "\r" ? next - 1 : next;
  const newline = newlineOf(text);
  return insertion(at, newline + lines.join(newline));
}

function columnOf(text: string, node: YAMLMap | YAMLSeq): number {
  const start = node.range?.[0] ?? 0;
  return (
    start -
    (text.lastIndexOf("\n", start - 1) + 1) -
    (text.startsWith("\uFEFF") && !text.slice(0, start).includes("\n") ? 1 : 0)
  );
}

/** Where the last thing in a collection ends, without the space behind it. */
function lastEnd(node: Node | null): number {
  if (isMap<Node, Node | null>(node) && node.flow !== true) {
    const last = node.items.at(-1);
    if (last !== undefined) return Math.max(end(last.key), lastEnd(last.value));
  }
  if (isSeq<Node>(node) && node.flow !== true && node.items.length > 0) return lastEnd(node.items.at(-1) ?? null);
  return end(node);
}

function end(node: Node | null): number {
  return node?.range?.[1] ?? 0;
}

export function newlineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
