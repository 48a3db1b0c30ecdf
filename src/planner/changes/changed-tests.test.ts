import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { AssayError } from "../../base/index.ts";
import { PlainStarter } from "../../frameworks/index.ts";
import { impactOf } from "./changed-tests.ts";
import type { ChangeImpact } from "./changed-tests.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A repository with one commit. */
class Project {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async of(files: Readonly<Record<string, string>>): Promise<Project> {
    const made = new Project(await mkdtemp(join(tmpdir(), "assay-changes-")));
    folders.push(made.folder);
    await made.write(files);
    made.git("init", "-q", "-b", "main");
    made.commit();
    return made;
  }

  git(...given: string[]): void {
    const who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
    execFileSync("git", [...who, ...given], { cwd: this.folder, stdio: "pipe" });
  }

  commit(): void {
    this.git("add", "-A");
    this.git("commit", "-qm", "change", "--allow-empty");
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.folder, path)), { recursive: true });
      await writeFile(join(this.folder, path), text);
    }
  }

  impact(tests: readonly string[], { since = "main", directory = "." } = {}): Promise<ChangeImpact> {
    return impactOf({
      folder: this.folder,
      since,
      suites: [{ suite: { directory }, tests: tests.map((file) => ({ file })) }],
      starter: new PlainStarter(process.env),
    });
  }

  /** The tests that are chosen after some files were written, which are put back; a file without text is removed. */
  async chosen(tests: readonly string[], files: Readonly<Record<string, string | null>>): Promise<string[] | string> {
    for (const [path, text] of Object.entries(files)) {
      if (text === null) await rm(join(this.folder, path));
      else await this.write({ [path]: text });
    }
    const impact = await this.impact(tests);
    this.git("reset", "-q", "--hard");
    this.git("clean", "-fdq");
    if (impact.unknown.length > 0) return `all: ${impact.unknown.map(({ file }) => file).join(" ")}`;
    return tests.filter((file) => impact.chainOf({ directory: "." }, { file }) !== undefined);
  }
}

const PYTHON: Readonly<Record<string, string>> = {
  "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-p plugins.timing"\n',
  "plugins/timing.py": "",
  "src/shop/__init__.py": "",
  "src/shop/prices.py": "from .money import Money\n",
  "src/shop/money.py": "class Money: ...\n",
  "src/shop/orders/__init__.py": "from .basket import *\n",
  "src/shop/orders/basket.py": "import shop.prices as prices\n",
  "src/shop/loader.py": "import importlib\ndef load(name):\n    return importlib.import_module(name)\n",
  "src/shop/rates.py":
    'import json, pathlib\nRATES = json.loads((pathlib.Path(__file__).parent / "rates.json").read_text())\n',
  "src/shop/rates.json": "{}",
  "lib/space/deep/tool.py": "",
  "tests/conftest.py": "from helpers import make\n",
  "tests/helpers.py": "",
  "tests/test_prices.py": "from shop import prices\n",
  "tests/test_orders.py": "import shop.orders\n",
  "tests/test_rates.py": "from shop.rates import RATES\n",
  "tests/test_loader.py": "from shop.loader import load\n",
  "tests/test_patch.py": 'from unittest import mock\n@mock.patch("shop.money.Money")\ndef test_a(_): ...\n',
  "tests/unit/conftest.py": "",
  "tests/unit/test_space.py": "from space.deep import tool\n",
  "src/shop/plugins/one.py": "",
  "src/shop/plug.py": 'import importlib\ndef load(name):\n    return importlib.import_module(f"shop.plugins.{name}")\n',
  "tests/test_plug.py": "from shop import plug\n",
  "starter.py": "",
  "tests/test_tool.py": 'import subprocess, sys\ndef test_a(): subprocess.run([sys.executable, "-m", "starter"])\n',
  "README.md": "text",
  Makefile: "all:\n",
};
const PYTHON_TESTS = Object.keys(PYTHON).filter((file) => /\/test_/.test(file));
const [test_loader, test_orders, test_patch, test_plug, test_prices, test_rates, test_tool, test_space] = [
  ...["loader", "orders", "patch", "plug", "prices", "rates", "tool"].map((name) => `tests/test_${name}.py`),
  "tests/unit/test_space.py",
] as const;

describe("in Python", () => {
  test("what imports a file is chosen, over packages, stars, conftests, namespaces, plugins, patches and data", async () => {
    const project = await Project.of(PYTHON);
    const chosen = (files: Record<string, string | null>) => project.chosen(PYTHON_TESTS, files);
    const sorted = (...tests: (string | undefined)[]) => PYTHON_TESTS.filter((one) => tests.includes(one));
    expect(await chosen({})).toEqual([]);
    expect(await chosen({ "src/shop/prices.py": "x = 1\n" })).toEqual(sorted(test_prices, test_orders, test_loader));
    expect(await chosen({ "src/shop/money.py": "x = 1\n" })).toEqual(
      sorted(test_prices, test_orders, test_patch, test_loader),
    );
    expect(await chosen({ "src/shop/money.py": null })).toEqual(
      sorted(test_prices, test_orders, test_patch, test_loader),
    );
    expect(await chosen({ "src/shop/orders/basket.py": "" })).toEqual(sorted(test_orders, test_loader));
    expect(await chosen({ "src/shop/__init__.py": "x = 1\n" })).toEqual(
      sorted(test_prices, test_orders, test_rates, test_loader, test_patch, test_plug),
    );
    expect(await chosen({ "src/shop/rates.json": "[]" })).toEqual(sorted(test_rates, test_loader));
    expect(await chosen({ "lib/space/deep/tool.py": "x = 1\n" })).toEqual(sorted(test_space, test_loader));
    expect(await chosen({ "lib/space/deep/__init__.py": "" })).toEqual(sorted(test_space, test_loader));
    expect(await chosen({ "tests/helpers.py": "x = 1\n" })).toEqual(PYTHON_TESTS);
    expect(await chosen({ "tests/unit/conftest.py": "x = 1\n" })).toEqual(sorted(test_space, test_loader));
    expect(await chosen({ "plugins/timing.py": "x = 1\n" })).toEqual(PYTHON_TESTS);
    expect(await chosen({ "pyproject.toml": "" })).toEqual(PYTHON_TESTS);
    expect(await chosen({ [test_rates ?? ""]: "x = 1\n" })).toEqual(sorted(test_rates, test_loader));
    expect(await chosen({ "src/shop/plugins/two.py": "" })).toEqual(sorted(test_plug, test_loader));
    expect(await chosen({ "starter.py": "x = 1\n" })).toEqual(sorted(test_tool, test_loader));
    expect(await chosen({ "README.md": "other" })).toEqual([]);
    expect(await chosen({ Makefile: "none:\n" })).toBe("all: Makefile");
    // What cannot be parsed may import anything.
    expect(await chosen({ "src/shop/money.py": "def broken(:\n", "README.md": "x" })).toEqual(
      sorted(test_prices, test_orders, test_patch, test_loader),
    );
  });

  test("a folder that is put on the path may be a package, and a chain tells file by file why", async () => {
    const project = await Project.of({
      "app/__init__.py": "",
      "app/core.py": "",
      "tests/test_core.py": 'import sys\nsys.path.insert(0, "app")\nimport core\n',
      "tests/test_other.py": "import json\n",
    });
    await project.write({ "app/core.py": "x = 1\n" });
    const { chainOf } = await project.impact(["tests/test_core.py", "tests/test_other.py"]);
    expect(chainOf({ directory: "." }, { file: "tests/test_core.py" })).toEqual([
      { file: "tests/test_core.py", line: 3, how: "imports" },
      { file: "app/core.py", line: null, how: "changed" },
    ]);
    expect(chainOf({ directory: "." }, { file: "tests/test_other.py" })).toBeUndefined();
  });
});

const SCRIPT: Readonly<Record<string, string>> = {
  "package.json": '{ "name": "root", "workspaces": ["packages/*"], "imports": { "#db": "./src/db.ts" } }',
  "tsconfig.json": '{ // paths\n "compilerOptions": { "baseUrl": ".", "paths": { "@app/*": ["src/app/*"] }, }, }',
  "vitest.config.ts": 'export const config = { test: { setupFiles: ["./test/setup.ts"] } };\n',
  "test/setup.ts": "",
  "src/a.ts": 'import type { T } from "./types.ts";\nexport * from "./b.js";\n',
  "src/b.ts": 'import "./style.css";\n',
  "src/style.css": "",
  "src/types.ts": "export type T = 1;\n",
  "src/db.ts": "",
  "src/app/index.ts": "",
  "src/app/page.tsx": "const load = (name: string) => import(`../locales/${name}.ts`);\n",
  "src/locales/en.ts": "",
  "src/old.cts": 'import b = require("./b");\n',
  "src/thread.ts": "",
  "test/old.test.ts": 'import "../src/old.cjs";\n',
  "test/thread.test.ts": 'start("../src/thread");\n',
  "src/any.ts": "export const any = (name: string) => import(name);\n",
  "packages/kit/package.json": '{ "name": "@x/kit", "exports": { ".": "./src/main.ts", "./sub": "./src/sub.ts" } }',
  "packages/kit/src/main.ts": 'import "./inner";\n',
  "packages/kit/src/inner/index.ts": "",
  "packages/kit/src/sub.ts": "",
  "test/a.test.ts": 'import { x } from "../src/a";\n',
  "test/db.test.ts": 'import "#db";\n',
  "test/page.test.ts": 'import "@app/page";\n',
  "test/kit.test.ts": 'import { kit } from "@x/kit";\n',
  "test/any.test.ts": 'const { any } = require("../src/any");\n',
  "test/snap.test.ts": "",
  "test/__snapshots__/snap.test.ts.snap": "",
  "data/table.bin": "",
};
const SCRIPT_TESTS = Object.keys(SCRIPT).filter((file) => file.endsWith(".test.ts"));

test("in TypeScript: endings, folders, re-exports, aliases, packages, assets, snapshots, settings", async () => {
  const project = await Project.of(SCRIPT);
  const chosen = async (files: Record<string, string | null>) => {
    const found = await project.chosen(SCRIPT_TESTS, files);
    return typeof found === "string" ? found : found.map((file) => /\/(\w+)\./.exec(file)?.[1]).join(" ");
  };
  const changes: [Record<string, string | null>, string][] = [
    [{ "src/b.ts": "1" }, "old a any"],
    [{ "src/b.ts": null }, "old a any"],
    [{ "src/style.css": "a {}" }, "old a any"],
    [{ "src/types.ts": "export type T = 2;" }, "any"],
    [{ "src/a/index.ts": "" }, "a any"],
    [{ "src/thread.ts": "1" }, "thread any"],
    [{ "src/db.ts": "1" }, "db any"],
    [{ "src/app/page.tsx": "1" }, "page any"],
    [{ "src/locales/fr.ts": "" }, "page any"],
    [{ "packages/kit/src/inner/index.ts": "1" }, "kit any"],
    [{ "packages/kit/package.json": "{}" }, "kit any"],
    [{ "test/setup.ts": "1" }, "old thread a db page kit any snap"],
    [{ "package.json": "{}" }, "old thread a db page kit any snap"],
    [{ "test/__snapshots__/snap.test.ts.snap": "1" }, "any snap"],
    [{ "data/table.bin": "1" }, "all: data/table.bin"],
  ];
  for (const [files, tests] of changes) expect([files, await chosen(files)]).toEqual([files, tests]);
});

test("a project that is a part of a repository: what others keep for themselves does not concern it", async () => {
  const project = await Project.of({
    "shared/util.py": "",
    "one/tests/test_one.py": "import util\n",
    "one/Dockerfile": "",
    "two/data.bin": "",
    "two/pyproject.toml": "",
    ".env.shared": "",
    Dockerfile: "",
    "shared/table.bin": "",
  });
  const suites = [{ suite: { directory: "." }, tests: [{ file: "tests/test_one.py" }] }];
  const starter = new PlainStarter(process.env);
  const after = async (...paths: string[]) => {
    for (const path of paths) await project.write({ [path]: "x = 2\n" });
    const impact = await impactOf({ folder: join(project.folder, "one"), since: "main", suites, starter });
    project.git("reset", "-q", "--hard");
    const chain = impact.chainOf({ directory: "." }, { file: "tests/test_one.py" });
    return [impact.unknown.map(({ file }) => file), chain?.map(({ file }) => file), impact.without];
  };
  expect(await after("two/data.bin", "two/pyproject.toml")).toEqual([
    [],
    undefined,
    ["two/data.bin", "two/pyproject.toml"],
  ]);
  expect(await after("shared/util.py")).toEqual([[], ["one/tests/test_one.py", "shared/util.py"], []]);
  expect(await after("one/Dockerfile", "Dockerfile", "shared/table.bin")).toEqual([
    ["Dockerfile", "one/Dockerfile", "shared/table.bin"],
    undefined,
    [],
  ]);
  expect(await after(".env.shared")).toEqual([[], ["one/tests/test_one.py", ".env.shared"], []]);
});

describe("what git tells", () => {
  test("commits since histories parted, staged, unstaged, new and moved files; not what is ignored", async () => {
    const project = await Project.of({
      "base/a.py": "",
      ".gitignore": "ignored/\n",
      "one.py": "",
      "two.py": "",
      "three.py": "",
      "moved.py": "x = 1\n",
    });
    project.git("checkout", "-qb", "work");
    await project.write({ "one.py": "1\n" });
    project.commit();
    project.git("checkout", "-q", "main");
    await project.write({ "theirs.py": "" });
    project.commit();
    project.git("checkout", "-q", "work");
    await project.write({ "two.py": "2\n" });
    project.git("add", "two.py");
    await project.write({ "three.py": "3\n", "new ü\n.py": "", "ignored/x.py": "" });
    await rename(join(project.folder, "moved.py"), join(project.folder, "base/moved.py"));
    const { changed, without } = await project.impact(["base/a.py"]);
    expect(changed).toEqual([
      { file: "base/moved.py", change: "added" },
      { file: "moved.py", change: "deleted" },
      { file: "new ü\n.py", change: "added" },
      { file: "one.py", change: "modified" },
      { file: "three.py", change: "modified" },
      { file: "two.py", change: "modified" },
    ]);
    expect(without).toHaveLength(6);
  });

  test("what is no repository and no commit is said", async () => {
    const project = await Project.of({ "a.py": "" });
    const error = await project.impact(["a.py"], { since: "--no-such" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AssayError);
    expect(error).toMatchObject({ code: "changes_unknown" });
    await rm(join(project.folder, ".git"), { recursive: true });
    await expect(project.impact(["a.py"])).rejects.toMatchObject({ code: "changes_unknown" });
  });
});
