import { dirname, join } from "node:path";
import type { ProjectFiles } from "../framework.ts";

/** A file of settings of pytest, with the section that they stand in. */
export interface MarkerSettings {
  path: string;
  form: "ini" | "toml";
  section: string;
}

interface Candidate {
  name: string;
  form: "ini" | "toml";
  sections: readonly string[];
  /** Counts even when it has no such section. */
  always?: true;
}

/** In the order in which pytest looks in a folder; those of the first two came with version 9. */
const CANDIDATES: readonly Candidate[] = [
  { name: "pytest.toml", form: "toml", sections: ["pytest"], always: true },
  { name: ".pytest.toml", form: "toml", sections: ["pytest"], always: true },
  { name: "pytest.ini", form: "ini", sections: ["pytest"], always: true },
  { name: ".pytest.ini", form: "ini", sections: ["pytest"], always: true },
  { name: "pyproject.toml", form: "toml", sections: ["tool.pytest.ini_options", "tool.pytest"] },
  { name: "tox.ini", form: "ini", sections: ["pytest"] },
  { name: "setup.cfg", form: "ini", sections: ["tool:pytest"] },
];
const TOML_SINCE = 9;

/**
 * Where pytest, started in a folder, looks for its markers: the settings that it finds, else a file that may be made without moving the
 * folder that its ids are relative to. Null when there is no such place.
 */
export async function markerSettings(
  files: ProjectFiles,
  { folder, version }: { folder: string; version: string | null },
): Promise<MarkerSettings | null> {
  const skipped = Number.parseInt(version ?? "", 10) >= TOML_SINCE ? 0 : 2;
  const ancestors = pathUp(folder);
  for (const one of ancestors) {
    for (const candidate of CANDIDATES.slice(skipped)) {
      const path = join(one, candidate.name);
      const text = (await files.read(path))?.toString("latin1");
      if (text === undefined) continue;
      const section = candidate.sections.find((name) => headerOf(text, name) !== null);
      if (section === undefined && candidate.always !== true) continue;
      return { path, form: candidate.form, section: section ?? candidate.sections[0] ?? "" };
    }
  }
  const manifest = join(folder, "pyproject.toml");
  if ((await files.read(manifest)) !== null) {
    return { path: manifest, form: "toml", section: "tool.pytest.ini_options" };
  }
  for (const above of ancestors.slice(1)) {
    for (const name of ["pyproject.toml", "setup.py"]) if ((await files.read(join(above, name))) !== null) return null;
  }
  return { path: join(folder, "pytest.ini"), form: "ini", section: "pytest" };
}

function pathUp(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...pathUp(parent)];
}

/** A marker and what it says. */
export interface Marker {
  name: string;
  meaning: string;
}

/**
 * The text of settings with these markers added, all else as it is; null when they have a form that this does not read. Text is Latin-1
 * here, so that bytes of any encoding stay what they are.
 */
export function withMarkers(
  text: string,
  { form, section }: Pick<MarkerSettings, "form" | "section">,
  markers: readonly Marker[],
): string | null {
  const header = headerOf(text, section);
  if (header === null) return withSection(text, { form, section }, markers);
  const end = sectionEnd(text, header.end);
  const key = KEYS[form].exec(text.slice(header.end, end));
  const names = new Set(key === null ? [] : registered(text.slice(header.end + key.index, end)));
  const fresh = markers.filter(({ name }) => !names.has(name));
  if (fresh.length === 0) return text;
  if (key === null) return insertedAfter(text, lastLine(text, { from: header.start, to: end }), keyLines(form, fresh));
  const value = header.end + key.index + key[0].length;
  return form === "ini" ? withIniValue(text, { from: value, to: end }, fresh) : withTomlValue(text, value, fresh);
}

/** In INI what is indented is part of a value. */
const KEYS = { ini: /^markers[ \t]*[=:][ \t]*/m, toml: /^[ \t]*["']?markers["']?[ \t]*=[ \t]*/m } as const;

interface Span {
  start: number;
  end: number;
}

function headerOf(text: string, section: string): Span | null {
  const spaced = section.replaceAll(".", "[ \\t]*\\.[ \\t]*");
  const found = new RegExp(`^\\[[ \\t]*${spaced}[ \\t]*\\]`, "m").exec(text);
  return found === null ? null : { start: found.index, end: found.index + found[0].length };
}

function sectionEnd(text: string, from: number): number {
  const next = /^\[/m.exec(text.slice(from));
  return next === null ? text.length : from + next.index;
}

/** Words in front of the explanations, in either form. */
function registered(value: string): string[] {
  const [first = "", ...more] = value.split(/\r?\n/);
  const lines = [first.replace(/^[ \t]*["']?markers["']?[ \t]*[=:]/, ""), ...more];
  const end = lines.findIndex((line, index) => index > 0 && /^[^\s#;\]"']/.test(line));
  return lines
    .slice(0, end === -1 ? lines.length : end)
    .flatMap((line) => line.split(/["']/))
    .flatMap((part) => /^[\s[,]*(\w+)/.exec(part)?.[1] ?? []);
}

const INDENTATION = "    ";

function withSection(
  text: string,
  { form, section }: Pick<MarkerSettings, "form" | "section">,
  markers: readonly Marker[],
): string | null {
  // The same table in another spelling: a second one would be an error.
  if (form === "toml" && /^[ \t]*(\[?tool[ \t.]*)?pytest[ \t.=]|ini_options/m.test(text)) return null;
  const lines = [`[${section}]`, ...keyLines(form, markers)];
  if (text.trim() === "") return `${text}${lines.join(newlineOf(text))}${newlineOf(text)}`;
  return insertedAfter(text, text.trimEnd().length, ["", ...lines]);
}

function keyLines(form: "ini" | "toml", markers: readonly Marker[]): string[] {
  const lines = markers.map((marker) => `${INDENTATION}${entry(form, marker)}`);
  return form === "ini" ? ["markers =", ...lines] : ["markers = [", ...lines.map((line) => `${line},`), "]"];
}

function entry(form: "ini" | "toml", { name, meaning }: Marker): string {
  return form === "ini" ? `${name}: ${meaning}` : JSON.stringify(`${name}: ${meaning}`);
}

function withIniValue(text: string, { from, to }: { from: number; to: number }, markers: readonly Marker[]): string {
  let end = lineEnd(text, from);
  let indentation = INDENTATION;
  // What is indented goes on with the value, and so does what comes after an empty line or a comment.
  for (let at = nextLine(text, end); at < to; at = nextLine(text, lineEnd(text, at))) {
    const line = text.slice(at, lineEnd(text, at));
    if (/^[ \t]+[^\s#;]/.test(line)) [end, indentation] = [lineEnd(text, at), /^[ \t]+/.exec(line)?.[0] ?? indentation];
    else if (!/^\s*([#;].*)?$/.test(line)) break;
  }
  const lines = markers.map((marker) => `${indentation}${entry("ini", marker)}`);
  return insertedAfter(text, end, lines);
}

function withTomlValue(text: string, from: number, markers: readonly Marker[]): string | null {
  const list = tomlList(text, from);
  if (list === null) return null;
  const { last, comma } = list;
  const added = markers.map((marker) => entry("toml", marker));
  if (last === null) return spliced(text, from + 1, added.join(", "));
  const line = text.slice(text.lastIndexOf("\n", last.start) + 1, last.start);
  if (line.trim() !== "") return spliced(text, comma ?? last.end, `${comma === null ? "," : ""} ${added.join(", ")}`);
  const lines = added.map((one) => `${line}${one}`);
  if (comma === null) return spliced(text, last.end, lines.map((one) => `,${newlineOf(text)}${one}`).join(""));
  return insertedAfter(
    text,
    lineEnd(text, comma),
    lines.map((one) => `${one},`),
  );
}

interface TomlList {
  /** The last string of it. */
  last: Span | null;
  /** Behind the comma after that. */
  comma: number | null;
}

/** A list of strings that starts here; null when it is something else. */
function tomlList(text: string, from: number): TomlList | null {
  if (text[from] !== "[") return null;
  const list: TomlList = { last: null, comma: null };
  const part = /\s+|#[^\n]*|,|\]|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/y;
  part.lastIndex = from + 1;
  for (let found = part.exec(text); found !== null; found = part.exec(text)) {
    if (found[0] === "]") return list;
    if (found[0] === ",") list.comma = part.lastIndex;
    else if (/^["']/.test(found[0])) [list.last, list.comma] = [{ start: found.index, end: part.lastIndex }, null];
  }
  return null;
}

/** The end of the last line that says something. */
function lastLine(text: string, { from, to }: { from: number; to: number }): number {
  let end = lineEnd(text, from);
  for (let at = nextLine(text, end); at < to; at = nextLine(text, lineEnd(text, at))) {
    if (/^\s*[^\s#;]/.test(text.slice(at, lineEnd(text, at)))) end = lineEnd(text, at);
  }
  return end;
}

function lineEnd(text: string, from: number): number {
  const next = text.indexOf("\n", from);
  if (next === -1) return text.length;
  return text[next - 1] === "\r" && next > from ? next - 1 : next;
}

function nextLine(text: string, end: number): number {
  const next = text.indexOf("\n", end);
  return next === -1 ? text.length : next + 1;
}

function insertedAfter(text: string, end: number, lines: readonly string[]): string {
  const newline = newlineOf(text);
  return spliced(text, end, `${newline}${lines.join(newline)}`);
}

function spliced(text: string, at: number, added: string): string {
  return `${text.slice(0, at)}${added}${text.slice(at)}`;
}

function newlineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
