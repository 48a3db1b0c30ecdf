import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PlainStarter } from "../../frameworks/index.ts";
import { impactOf } from "./changed-tests.ts";

/** A module: where it is, the earlier ones that it loads and how, and whether it reads a file. */
interface Module {
  folder: number;
  loads: { which: number; how: number }[];
  reads: boolean;
}

/** What is done to a project. */
interface Edit {
  kind: "value" | "delete" | "data" | "shadow" | "package";
  which: number;
}

interface Language {
  folders: readonly string[];
  ending: string;
  module: (index: number, all: readonly Module[]) => string;
  /** Prints one JSON object: what each test file gives, or that it cannot be loaded. */
  outcomes: (folder: string, tests: readonly string[]) => string;
}

const PYTHON_FOLDERS = ["", "pk", "pk/sub", "space"] as const;
const python: Language = {
  folders: PYTHON_FOLDERS,
  ending: "py",
  module(index, all) {
    const { loads, reads, folder } = all[index] ?? { loads: [], reads: false, folder: 0 };
    const lines = loads.map(({ which, how }) => pythonLoad({ which, how, from: folder, to: all[which]?.folder ?? 0 }));
    return [
      "import importlib, pathlib",
      `VALUE = ["${index}"]`,
      ...lines,
      ...(reads ? [`VALUE.append((pathlib.Path(__file__).parent / "d${index}.txt").read_text())`] : []),
      "",
    ].join("\n");
  },
  outcomes(folder, tests) {
    const program = `import importlib, json, sys
sys.path.insert(0, ".")
sys.dont_write_bytecode = True
found = {}
for name in json.loads(sys.argv[1]):
    try:
        found[name] = importlib.import_module(name[:-3]).VALUE
    except Exception as error:
        found[name] = repr(type(error))
print(json.dumps(found))`;
    return execFileSync("python3", ["-I", "-c", program, JSON.stringify(tests)], { cwd: folder, encoding: "utf8" });
  },
};

/** The module `which`, in one of the ways in which Python loads modules. */
function pythonLoad({ which, how, from, to }: { which: number; how: number; from: number; to: number }): string {
  const folder = (PYTHON_FOLDERS[to] ?? "").replaceAll("/", ".");
  const name = folder === "" ? `m${which}` : `${folder}.m${which}`;
  const ways = [
    `import ${name} as x${which}\nVALUE += x${which}.VALUE`,
    `from ${name} import VALUE as v${which}\nVALUE += v${which}`,
    `VALUE += importlib.import_module("${name}").VALUE`,
    `NAME = "${name}"\nVALUE += importlib.import_module(NAME).VALUE`,
    folder === ""
      ? `import ${name}\nVALUE += ${name}.VALUE`
      : `from ${folder} import m${which}\nVALUE += m${which}.VALUE`,
    folder !== "" && from === to ? `from . import m${which} as r${which}\nVALUE += r${which}.VALUE` : "",
  ];
  return ways[how % ways.length] ?? "";
}

const SCRIPT_FOLDERS = ["", "lib", "lib/deep", "packages/kit"] as const;
const script: Language = {
  folders: SCRIPT_FOLDERS,
  ending: "mjs",
  module(index, all) {
    const { loads, reads, folder } = all[index] ?? { loads: [], reads: false, folder: 0 };
    const up = (SCRIPT_FOLDERS[folder] ?? "")
      .split("/")
      .filter(Boolean)
      .map(() => "../")
      .join("");
    const lines = loads.map(({ which, how }) => {
      const path = [SCRIPT_FOLDERS[all[which]?.folder ?? 0], `m${which}.mjs`].filter(Boolean).join("/");
      const relative = `${up === "" ? "./" : up}${path}`;
      const ways = [
        `import { value as v${which} } from "${relative}";\nvalue.push(v${which});`,
        `value.push((await import("${relative}")).value);`,
        `export * as e${which} from "${relative}";\nimport * as n${which} from "${relative}";\nvalue.push(n${which}.value);`,
        `import { value as a${which} } from "#all/${path}";\nvalue.push(a${which});`,
        `const name${which} = "${relative}";\nvalue.push((await import(name${which})).value);`,
        `value.push((await import(\`${up === "" ? "./" : up}\${"${path}"}\`)).value);`,
      ];
      return ways[how % ways.length] ?? "";
    });
    const read = `value.push(readFileSync(new URL("./d${index}.txt", import.meta.url), "utf8"));`;
    return [
      'import { readFileSync } from "node:fs";',
      `export const value = ["${index}"];`,
      ...lines,
      ...(reads ? [read] : []),
      "",
    ].join("\n");
  },
  outcomes(folder, tests) {
    const program = `const found = {};
for (const name of ${JSON.stringify(tests)}) {
  try { found[name] = (await import("${folder}/" + name)).value; } catch (error) { found[name] = String(error.code); }
}
console.log(JSON.stringify(found));`;
    return execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: folder, encoding: "utf8" });
  },
};

const COUNT = 9;
/** The last modules are the tests. */
const TESTS = 4;

const modules = fc
  .array(
    fc.record({
      folder: fc.nat(3),
      loads: fc.array(fc.record({ which: fc.nat(COUNT), how: fc.nat(60) }), { maxLength: 3 }),
      reads: fc.boolean(),
    }),
    { minLength: COUNT, maxLength: COUNT },
  )
  .map((all) =>
    all.map(({ loads, ...one }, index): Module => {
      const isTest = index >= COUNT - TESTS;
      const earlier = loads.filter(({ which }) => which < Math.min(index, COUNT - TESTS));
      const seen = new Map(earlier.map((load) => [load.which, load]));
      return { ...one, folder: isTest ? 0 : one.folder, loads: [...seen.values()] };
    }),
  );
const edits = fc.array(
  fc.record({
    kind: fc.constantFrom<Edit["kind"]>("value", "value", "delete", "data", "shadow", "package"),
    which: fc.nat(COUNT - 1),
  }),
  { minLength: 1, maxLength: 2 },
);

async function write(folder: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

test.each([
  ["Python", python],
  ["JavaScript", script],
])(
  "every test whose outcome an edit changes is chosen: random projects in %s",
  { timeout: 120_000 },
  async (_, own) => {
    let differing = 0;
    let leftOut = 0;
    const property = fc.asyncProperty(modules, edits, async (all, done) => {
      const folder = await mkdtemp(join(tmpdir(), "assay-safe-"));
      const git = (...given: string[]) => execFileSync("git", given, { cwd: folder, stdio: "pipe" });
      const pathOf = (index: number) => {
        const inside = own.folders[all[index]?.folder ?? 0] ?? "";
        return [inside, `m${index}.${own.ending}`].filter(Boolean).join("/");
      };
      const dataOf = (index: number) =>
        [dirname(pathOf(index)), `d${index}.txt`].filter((part) => part !== ".").join("/");
      try {
        const tests = all.map((_one, index) => pathOf(index)).slice(-TESTS);
        for (const [index, { reads }] of all.entries()) {
          await write(folder, pathOf(index), own.module(index, all));
          if (reads) await write(folder, dataOf(index), "data");
        }
        await write(folder, "package.json", '{ "imports": { "#all/*": "./*" } }');
        if (own.ending === "py")
          for (const inside of ["pk", "pk/sub"]) await write(folder, `${inside}/__init__.py`, "");
        git("init", "-q", "-b", "main");
        git("add", "-A");
        git("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "commit", "-qm", "first");
        const before = JSON.parse(own.outcomes(folder, tests)) as Record<string, unknown>;
        for (const { kind, which } of done) {
          if (kind === "value")
            await write(folder, pathOf(which), `${own.module(which, all).replace(`"${which}"`, '"new"')}`);
          if (kind === "delete") await rm(join(folder, pathOf(which)), { force: true });
          if (kind === "data" && all[which]?.reads === true) await write(folder, dataOf(which), "other");
          if (kind === "shadow" && own.ending === "py")
            await write(folder, pathOf(which).replace(/\.py$/, "/__init__.py"), 'VALUE = ["shadow"]\n');
          if (kind === "package" && own.ending === "py") await rm(join(folder, "pk/__init__.py"), { force: true });
        }
        const after = JSON.parse(own.outcomes(folder, tests)) as Record<string, unknown>;
        const starter = new PlainStarter(process.env);
        const suites = [{ suite: { directory: "." }, tests: tests.map((file) => ({ file })) }];
        const { chainOf, unknown } = await impactOf({ folder, since: "main", suites, starter });
        const isChosen = (file: string) => unknown.length > 0 || chainOf({ directory: "." }, { file }) !== undefined;
        const differ = tests.filter((file) => JSON.stringify(before[file]) !== JSON.stringify(after[file]));
        differing += differ.length;
        leftOut += tests.filter((file) => !isChosen(file)).length;
        expect(differ.filter((file) => !isChosen(file))).toEqual([]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
    await fc.assert(property, { numRuns: 8 });
    // Both happen, so the property says something.
    expect(differing).toBeGreaterThan(0);
    expect(leftOut).toBeGreaterThan(0);
  },
);
