import { describe, expect, it } from "vitest";

import { checkDocs } from "./check-docs.ts";
import { parseHelp } from "./command-help.ts";
import { tempTree } from "./temp-tree.ts";

/** A stand-in for the command line: it prints help in Commander's layout, as the real one does. */
const CLI = `// cli: the only reader of argv; nobody may import it, and it never decides anything itself.
const pages = {
  "": "Usage: assay [options] [command]\\n\\nOptions:\\n  -V, --version  the version\\n  --json         machine output\\n\\nCommands:\\n  up|start [options]  start\\n  journal             look at journals\\n",
  "up": "Usage: assay up [options]\\n\\nOptions:\\n  --once           end after the run\\n  -p, --port <n>   port\\n",
  "journal": "Usage: assay journal [command]\\n\\nCommands:\\n  verify <file>  check one\\n",
  "journal verify": "Usage: assay journal verify [options] <file>\\n\\nArguments:\\n  file      the file\\n\\nOptions:\\n  --deep  all\\n",
};
console.log(pages[process.argv.slice(2, -1).join(" ")]);
`;
const MANIFEST = JSON.stringify({ scripts: { start: "node src/cli/main.ts up", test: "x", check: "x" } });
const BASE = { "package.json": MANIFEST, "src/cli/main.ts": CLI };

/** Findings for a README of `text` in a tree with the stand-in command line. */
async function findings(text: string, files: Record<string, string> = {}): Promise<string[]> {
  const found = await checkDocs(tempTree({ ...BASE, ...files, "README.md": text }));
  return found.map(({ path, line, message }) => `${path}:${line} ${message}`);
}

describe("documents", () => {
  it("accept what exists", async () => {
    const text = [
      "# Top: the `first` part",
      "[guide](docs/guide.md#two-words) [top](#top-the-first-part) [web](https://example.org) ![p](docs/p.svg)",
      "`src/cli/main.ts` `src/cli/main.ts:3` `src/*/main.ts` `src/<room>/index.ts` `src/` ``code with ` tick``",
      "`npm test` `npm run check` `npm ci` `npm start -- --once` `assay up --once --port 1 --json` `assay start` `assay <command> --help`",
      "```sh",
      "npm run check && assay journal \\",
      "  verify x.db --deep   # a comment with assay nonsense",
      "NO_COLOR=1 npx assay up | head; node bin/assay.mjs --version",
      "```",
      "```text",
      "assay nonsense in src/nowhere.ts, as an example of output",
      "```",
    ].join("\n");
    const files = { "docs/guide.md": "# Guide\n\n## Two words\n", "docs/p.svg": "", "bin/assay.mjs": "" };
    expect(await findings(text, files)).toEqual([]);
  });

  it.each([
    ["[x](docs/gone.md)", "the link docs/gone.md leads to docs/gone.md, which does not exist"],
    ["[x](#gone)", "the link #gone names a heading that README.md does not have"],
    [`<img src="docs/gone.svg">`, "the link docs/gone.svg leads to docs/gone.svg, which does not exist"],
    ["[x]: docs/gone.md", "the link docs/gone.md leads to docs/gone.md, which does not exist"],
    ["`src/gone.ts`", "the path src/gone.ts does not exist"],
    ["`src/*/gone.ts`", "the path src/*/gone.ts does not exist"],
    ["```sh\nassay up examples/gone.yaml\n```", "the path examples/gone.yaml does not exist", 3],
    ["`npm run gone`", "npm gone is neither a script of package.json nor a command of npm"],
    ["`npm gone`", "npm gone is neither a script of package.json nor a command of npm"],
    ["`npm start -- --gone`", "assay up has no flag --gone"],
    ["`assay gone`", "assay gone is not a command"],
    ["`assay journal gone`", "assay journal gone is not a command"],
    ["`assay up --gone=1`", "assay up has no flag --gone"],
    ["```console\n$ npm test && assay up --gone\n```", "assay up has no flag --gone", 3],
  ])("refuse %s", async (text, message, line = 2) => {
    expect(await findings(`# Title\n${text}\n`)).toEqual([`README.md:${line} ${message}`]);
  });

  it("are read in docs/ too, with links relative to their place", async () => {
    const files = { "docs/a/b.md": "[up](../c.md) [gone](c.md)", "docs/c.md": "" };
    expect(await findings("", files)).toEqual([
      "docs/a/b.md:1 the link c.md leads to docs/a/c.md, which does not exist",
    ]);
  });

  it("say so when the command line cannot print its help", async () => {
    const silent = {
      "src/cli/main.ts": "// cli: prints nothing at all, so there is nothing to compare documents with.",
    };
    expect(await findings("`assay up`", silent)).toEqual(["README.md:1 assay --help lists no commands"]);
    const broken = { "src/cli/main.ts": `${CLI}\nthrow new Error("broken");` };
    const [finding, ...more] = await findings("`assay up`", broken);
    expect(finding).toContain("README.md:1 assay --help failed");
    expect(more).toEqual([]);
  });
});

it("rooms need a door with a header", async () => {
  const files = { "src/bare/index.ts": "export const a = 1;", "src/closed/a.ts": "" };
  expect(await findings("", files)).toEqual([
    "src/bare/index.ts:1 needs a header comment: what the room does, what it never does, who may enter",
    "src/closed:1 the room has no index.ts",
  ]);
});

it("help is read without taking arguments or wrapped descriptions for commands", () => {
  const text = [
    "Usage: assay [options] [command]",
    "Arguments:",
    "  file  a file",
    "Options:",
    "  -p, --port <n>  the port; see also --host",
    "  --no-color      plain",
    "Running:",
    "  run|r [options] <suite>  run a",
    "                           suite",
  ].join("\n\n");
  expect(parseHelp(text)).toEqual({ commands: new Set(["run", "r"]), flags: new Set(["--port", "--no-color"]) });
});
