// Gate: every link, path, npm script, command and flag that the documents name exists, and every room has a door with a header.
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

import { type HelpReader, helpReader } from "./command-help.ts";
import { type MarkdownFile, parseMarkdown, type Snippet } from "./markdown.ts";
import { type Finding, report } from "./source-tree.ts";

const DOCUMENTS = ["*.md", "docs/**/*.md"];
const REPOSITORY_PATH = /^(?:\.\/)?((?:src|scripts|docs|test|bench|sim|examples|schema|dashboard|bin|\.ci)\/\S*)$/;
/** Commands of npm itself that a document may name. */
const NPM_COMMANDS = ["ci", "install", "i", "exec", "help", "link", "ls", "pack", "publish", "view"];
/** What a shell line may call the product. */
const PROGRAM = /^(assay|(\.\/)?bin\/assay\.mjs|(\.\/)?src\/cli\/main\.ts)$/;
const MIN_HEADER_CHARACTERS = 60;

interface Context {
  root: string;
  /** Name → command line. */
  scripts: Record<string, string>;
  documents: ReadonlyMap<string, MarkdownFile>;
  /** Undefined while there is no command line to ask. */
  help: HelpReader | undefined;
}

/** All violations in the tree at `root`. */
export async function checkDocs(root: string): Promise<Finding[]> {
  const paths = DOCUMENTS.flatMap((pattern) => globSync(pattern, { cwd: root })).map((path) =>
    path.replaceAll("\\", "/"),
  );
  const documents = new Map(
    paths.toSorted().map((path) => [path, parseMarkdown(readFileSync(join(root, path), "utf8"))]),
  );
  const { scripts = {} } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts?: Record<string, string>;
  };
  const main = join(root, "src", "cli", "main.ts");
  const context: Context = { root, scripts, documents, help: existsSync(main) ? helpReader(main) : undefined };
  const findings = roomFindings(root);
  for (const [path, document] of documents) {
    for (const { line, text } of await documentMessages(context, path, document))
      findings.push({ path, line, message: text });
  }
  return findings;
}

/** Every room says at its door what it does, what it never does, and who may enter. */
function roomFindings(root: string): Finding[] {
  const src = join(root, "src");
  if (!existsSync(src)) return [];
  const rooms = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return rooms.flatMap(({ name }) => {
    // Nobody enters the command line by import: its door is the program.
    const door = name === "cli" ? "main.ts" : "index.ts";
    const path = `src/${name}/${door}`;
    if (!existsSync(join(root, path))) return [{ path: `src/${name}`, line: 1, message: `the room has no ${door}` }];
    const text = readFileSync(join(root, path), "utf8").replace(/^#!.*\n/, "");
    const header = /^\s*(\/\*[\s\S]*?\*\/|(?:\/\/.*\n?)+)/.exec(text)?.[0] ?? "";
    if (header.length >= MIN_HEADER_CHARACTERS) return [];
    return [
      { path, line: 1, message: "needs a header comment: what the room does, what it never does, who may enter" },
    ];
  });
}

async function documentMessages(context: Context, path: string, document: MarkdownFile): Promise<Snippet[]> {
  const shell = document.shellLines.map(({ text, line }) => ({ text: text.replace(/^\s*\$\s+/, ""), line }));
  const commands = [...document.inlineCode, ...shell].flatMap(({ text, line }) =>
    splitCommands(text).map((words) => ({ words, line })),
  );
  const named = [
    ...document.inlineCode,
    ...commands.flatMap(({ words, line }) => words.map((text) => ({ text, line }))),
  ];
  const messages = [
    ...document.links.map((link) => withText(link, linkMessage(context, path, link.text))),
    ...named.map((snippet) => withText(snippet, pathMessage(context.root, snippet.text))),
  ];
  for (const { words, line } of commands) {
    const text = await commandMessage(context, words);
    messages.push(text === undefined ? [] : [{ text, line }]);
  }
  return unique(messages.flat());
}

function withText({ line }: Snippet, text: string | undefined): Snippet[] {
  return text === undefined ? [] : [{ line, text }];
}

function unique(snippets: readonly Snippet[]): Snippet[] {
  return [...new Map(snippets.map((snippet) => [`${snippet.line} ${snippet.text}`, snippet])).values()];
}

function linkMessage({ root, documents }: Context, from: string, link: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(link)) return undefined;
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? from : posix.join(posix.dirname(from), decodeURIComponent(file));
  if (!existsSync(join(root, target))) return `the link ${link} leads to ${target}, which does not exist`;
  const anchors = documents.get(target)?.anchors;
  if (anchor === undefined || anchors === undefined || anchors.has(anchor)) return undefined;
  return `the link ${link} names a heading that ${target} does not have`;
}

/** Checks text that looks like a path of this repository; `<name>` marks a placeholder, `*` and braces are patterns. */
function pathMessage(root: string, text: string): string | undefined {
  const path = REPOSITORY_PATH.exec(text)?.[1]?.replace(/(:\d+|#.*)$/, "");
  if (path === undefined || /[<>…]/.test(path)) return undefined;
  const exists = /[*{]/.test(path) ? globSync(path, { cwd: root }).length > 0 : existsSync(join(root, path));
  return exists ? undefined : `the path ${path} does not exist`;
}

/** Splits a shell line into simple commands of words; comments, assignments and npx are dropped. */
function splitCommands(text: string): string[][] {
  const line = text.replace(/(^|\s)#\s.*$/s, "");
  return line.split(/\s*(?:&&|\|\||[|;&\n])\s*/).map((command) => {
    const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
      ([, double, single, bare]) => double ?? single ?? bare ?? "",
    );
    while (/^([A-Z_]+=|npx$|node$|sudo$|time$|--no-install$)/.test(words[0] ?? "")) words.shift();
    return words;
  });
}

async function commandMessage(context: Context, words: readonly string[]): Promise<string | undefined> {
  const [program = "", ...rest] = words;
  if (program === "npm") return await npmMessage(context, rest);
  return PROGRAM.test(program) ? await programMessage(context.help, rest) : undefined;
}

async function npmMessage(context: Context, [command = "", ...rest]: readonly string[]): Promise<string | undefined> {
  if (isPlaceholder(command) || NPM_COMMANDS.includes(command)) return undefined;
  const named = command === "run" || command === "run-script" ? rest[0] : command;
  if (named === undefined || isPlaceholder(named)) return undefined;
  const script = context.scripts[named];
  if (script === undefined) return `npm ${named} is neither a script of package.json nor a command of npm`;
  // What follows `--` goes to the script, so its flags can be checked when the script calls the product.
  const separator = rest.indexOf("--");
  const passed = separator === -1 ? [] : rest.slice(separator + 1);
  const [called = [""]] = splitCommands(script);
  return PROGRAM.test(called[0] ?? "")
    ? await programMessage(context.help, [...called.slice(1), ...passed])
    : undefined;
}

/** Follows subcommands as far as the help knows them, then compares the flags. */
async function programMessage(help: HelpReader | undefined, words: readonly string[]): Promise<string | undefined> {
  if (help === undefined) return undefined;
  const path: string[] = [];
  const command = (...more: string[]): string => ["assay", ...path, ...more].join(" ");
  const flags = new Set(["--help"]);
  try {
    for (const word of [...words, ""]) {
      const { commands, flags: own } = await help(path);
      if (path.length === 0 && commands.size === 0) return `${command("--help")} lists no commands`;
      for (const flag of own) flags.add(flag);
      if (commands.size === 0 || word === "" || word.startsWith("-") || isPlaceholder(word)) break;
      if (!commands.has(word)) return `${command(word)} is not a command`;
      path.push(word);
    }
  } catch (error) {
    return `${command("--help")} failed: ${error instanceof Error ? error.message : String(error)}`;
  }
  const unknown = words
    .map((word) => /^--[\w-]+/.exec(word)?.[0])
    .find((flag) => flag !== undefined && !flags.has(flag));
  return unknown === undefined ? undefined : `${command()} has no flag ${unknown}`;
}

function isPlaceholder(word: string): boolean {
  return /^[<[…]|^\.\.\.$|^X$/.test(word);
}

if (import.meta.main) report(await checkDocs(process.argv[2] ?? dirname(import.meta.dirname)));
