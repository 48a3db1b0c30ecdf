import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Document, Node, ParsedNode, YAMLError, YAMLMap } from "yaml";
import { errorMessage } from "../base/index.ts";
import { fault } from "../contracts/index.ts";
import { jsonDuplicateKey } from "./json-duplicate-key.ts";
import { locatedError } from "./located-error.ts";
import type { LocatedFault } from "./located-error.ts";

/** A position in a file, both counted from 1. */
export interface Place {
  line: number;
  column: number;
}

/** The value that a suite file holds, and where its parts stand. */
export interface SuiteSource {
  value: unknown;
  /** Where the value at a path like `tasks[2].config` stands; of a missing one, where its nearest parent stands. */
  placeOf: (path: string) => Place | undefined;
}

/** Aliases may repeat parts of the file, but not blow it up: this many values in all. */
const MAX_VALUES = 4_000_000;
const MAX_DEPTH = 100;
/** Most of what follows the first syntax error is its consequence. */
const MAX_PROBLEMS = 3;
const TOO_DEEP = "the file is nested too deeply";

/** Parses YAML 1.2 or JSON. Error: invalid_syntax with the line. */
export function parseSource(text: string, file: string): SuiteSource {
  const value = jsonValue(text);
  if (value === undefined) return parseYaml(text, file);
  const lines = new LineCounter();
  const duplicate = jsonDuplicateKey(text);
  if (duplicate !== undefined) throw locatedError(file, [duplicateKey(duplicate.key, placeIn(text, duplicate.offset))]);
  refuseExcess(value, file);
  // JSON is YAML: the slower parser is only asked when somebody wants to know a line.
  let document: Document.Parsed | undefined;
  const placeOf = (path: string): Place | undefined => {
    document ??= yamlDocument(text, lines);
    return placeOfPath(document, path, lines);
  };
  return { value, placeOf };
}

function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseYaml(text: string, file: string): SuiteSource {
  const lines = new LineCounter();
  const document = yamlDocument(text, lines);
  // A warning is a tag that no schema knows.
  const found = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  const problems = found.slice(0, MAX_PROBLEMS).map((problem): LocatedFault => {
    return { ...fault("invalid_syntax", syntaxMessage(problem)), place: placeAt(lines, problem.pos[0]) };
  });
  const [first, ...others] = problems.length > 0 ? problems : referenceProblems(document, lines);
  if (first !== undefined) throw locatedError(file, [first, ...others]);
  const value = toValue(document, file);
  refuseExcess(value, file);
  return { value, placeOf: (path) => placeOfPath(document, path, lines) };
}

function yamlDocument(text: string, lineCounter: LineCounter): Document.Parsed<ParsedNode> {
  // Its own check of unique keys takes time that grows with the square of their number.
  const options = { prettyErrors: false, stringKeys: true, uniqueKeys: false, resolveKnownTags: false } as const;
  return parseDocument(text, { ...options, lineCounter, logLevel: "error" });
}

function syntaxMessage({ code, message }: YAMLError): string {
  if (code === "MULTIPLE_DOCS") return "the file holds more than one document";
  if (code === "RESOURCE_EXHAUSTION") return TOO_DEEP;
  if (code === "TAG_RESOLVE_FAILED") return `${firstLower(message)}; only plain values are allowed`;
  return firstLower(message);
}

/** What the parser leaves to later steps, where the line is lost: keys that stand twice, aliases of nothing. */
function referenceProblems(document: Document, lines: LineCounter): LocatedFault[] {
  const found: LocatedFault[] = [];
  const anchors = new Set<string>();
  visit(document, {
    Value: (_key, { anchor }) => {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Map: (_key, map) => {
      if (map.anchor !== undefined) anchors.add(map.anchor);
      found.push(...duplicateKeys(map, lines));
    },
    Alias: (_key, { source, range }) => {
      if (anchors.has(source)) return;
      const message = `there is no anchor ${source} before this alias`;
      found.push({ ...fault("invalid_syntax", message), place: placeAt(lines, range?.[0] ?? 0) });
    },
  });
  return found;
}

function duplicateKeys(map: YAMLMap, lines: LineCounter): LocatedFault[] {
  const seen = new Set<string>();
  return map.items.flatMap(({ key }) => {
    if (!isScalar(key)) return [];
    const name = String(key.value);
    if (seen.has(name)) return [duplicateKey(name, placeAt(lines, key.range?.[0] ?? 0))];
    seen.add(name);
    return [];
  });
}

function duplicateKey(key: string, place: Place): LocatedFault {
  return { ...fault("invalid_syntax", `the key ${key} stands twice in one mapping`), place };
}

/** Refuses what would exhaust whoever walks or prints it. Aliases share one object in memory, so each copy is counted. */
function refuseExcess(value: unknown, file: string): void {
  let level: unknown[] = [value];
  for (let depth = 0, count = 0; level.length > 0; depth += 1) {
    count += level.length;
    if (depth > MAX_DEPTH) throw locatedError(file, [fault("invalid_syntax", TOO_DEEP)]);
    if (count > MAX_VALUES) {
      const message = `the file holds more than ${MAX_VALUES} values; aliases count each time`;
      throw locatedError(file, [fault("invalid_syntax", message, { next: "Use fewer aliases." })]);
    }
    level = level.flatMap((outer) => (typeof outer === "object" && outer !== null ? Object.values(outer) : []));
  }
}

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: -1 });
  } catch (error) {
    throw locatedError(file, [fault("invalid_syntax", `the file cannot be read: ${errorMessage(error)}`)]);
  }
}

function placeOfPath(document: Document.Parsed, path: string, lines: LineCounter): Place | undefined {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0];
  for (const segment of pathSegments(path)) {
    const child = childOf(isAlias(node) ? node.resolve(document) : node, segment);
    if (child === undefined) break;
    node = child.node;
    offset = child.offset ?? offset;
  }
  return offset === undefined ? undefined : placeAt(lines, offset);
}

function childOf(
  parent: Node | null | undefined,
  segment: string | number,
): { node: Node | null; offset: number | undefined } | undefined {
  if (isSeq<Node>(parent) && typeof segment === "number") {
    const item = parent.items[segment];
    return item === undefined ? undefined : { node: item, offset: item.range?.[0] };
  }
  if (!isMap<Node, Node | null>(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
  return pair === undefined ? undefined : { node: pair.value, offset: pair.key.range?.[0] };
}

/** The inverse of `fieldPath`. */
function pathSegments(path: string): (string | number)[] {
  const pattern = /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g;
  return [...path.matchAll(pattern)].map(([, index, quoted, word]) => {
    if (index !== undefined) return Number(index);
    return quoted === undefined ? (word ?? "") : String(JSON.parse(quoted));
  });
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

function firstLower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
