// Reads the parts of a Markdown file that can go stale: links, headings, inline code, and commands in shell blocks.

export interface Snippet {
  text: string;
  line: number;
}

export interface MarkdownFile {
  /** Targets of links, images, references and HTML `href`/`src`. */
  links: Snippet[];
  /** Headings as the anchors a link would use. */
  anchors: Set<string>;
  inlineCode: Snippet[];
  /** Lines of fenced blocks in a shell language, continuation lines joined. */
  shellLines: Snippet[];
}

const SHELL_LANGUAGES = ["sh", "bash", "shell", "console"];

/** Parses `text`; lines count from 1. */
export function parseMarkdown(text: string): MarkdownFile {
  const { prose, shellLines } = splitFences(text);
  const inlineCode = matches(prose, /(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/gs, 2);
  const withoutCode = prose.replaceAll(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/gs, (code) => code.replaceAll(/[^\n]/g, " "));
  const links = [
    ...matches(withoutCode, /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g, 1),
    ...matches(withoutCode, /^\s*\[[^\]]+\]:\s*(\S+)/gm, 1),
    ...matches(withoutCode, /\b(?:href|src)="([^"]+)"/g, 1),
  ];
  return { links, anchors: anchorsOf(prose), inlineCode, shellLines };
}

/** Separates fenced blocks from prose; the prose keeps empty lines in their place, so that line numbers hold. */
function splitFences(text: string): { prose: string; shellLines: Snippet[] } {
  const prose: string[] = [];
  const shellLines: Snippet[] = [];
  let fence: { marker: string; shell: boolean } | undefined;
  for (const [index, content] of text.split("\n").entries()) {
    const [, marker, language] = /^\s*(`{3,}|~{3,})\s*([\w-]*)/.exec(content) ?? [];
    if (fence === undefined && marker !== undefined) {
      fence = { marker, shell: SHELL_LANGUAGES.includes(language ?? "") };
    } else if (fence !== undefined && marker?.startsWith(fence.marker) === true) {
      fence = undefined;
    } else if (fence === undefined) {
      prose.push(content);
      continue;
    } else if (fence.shell) {
      appendShellLine(shellLines, { text: content, line: index + 1 });
    }
    prose.push("");
  }
  return { prose: prose.join("\n"), shellLines };
}

function appendShellLine(lines: Snippet[], next: Snippet): void {
  const previous = lines.at(-1);
  if (previous?.text.endsWith("\\") === true) previous.text = `${previous.text.slice(0, -1)}${next.text.trim()}`;
  else lines.push(next);
}

function matches(text: string, pattern: RegExp, group: number): Snippet[] {
  return [...text.matchAll(pattern)].map((match) => ({
    text: match[group] ?? "",
    line: text.slice(0, match.index).split("\n").length,
  }));
}

/** The anchors that code hosts derive from headings: lower case, punctuation dropped, spaces to hyphens, repeats numbered. */
function anchorsOf(prose: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of prose.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const base = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    let anchor = base;
    for (let copy = 1; anchors.has(anchor); copy += 1) anchor = `${base}-${copy}`;
    anchors.add(anchor);
  }
  return anchors;
}
