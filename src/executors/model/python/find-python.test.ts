import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { programsOnPath } from "../programs-on-path.ts";
import { findPython } from "./find-python.ts";

const [program] = programsOnPath(["python3"], process.env);
// What is on the PATH may be a script that needs the rest of it.
const python = program && execFileSync(program, ["-c", "import sys; print(sys.executable)"]).toString().trim();
const usable = python !== undefined && process.platform !== "win32";
if (!usable) console.warn("there is no python3 on the PATH: finding one with PyTorch is not tested");

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-python-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A folder with a real python3 that sees a package called torch there, or does not. */
async function pythonIn(name: string, { torch }: { torch: boolean }): Promise<string> {
  const bin = join(folder, name, "bin");
  await mkdir(join(folder, name, "site", "torch"), { recursive: true });
  await writeFile(join(folder, name, "site", "torch", "__init__.py"), "raise ImportError('never loaded to find it')");
  await mkdir(bin);
  const path = torch ? `PYTHONPATH='${join(folder, name, "site")}' ` : "";
  await writeFile(join(bin, "python3"), `#!/bin/sh\n${path}exec '${python}' ${torch ? "" : "-I -S "}"$@"\n`, {
    mode: 0o755,
  });
  return join(bin, "python3");
}

describe.runIf(usable)("findPython", () => {
  test("takes the first on the PATH that has torch", async () => {
    const without = await pythonIn("without", { torch: false });
    const having = await pythonIn("having", { torch: true });
    const env = {
      ...process.env,
      VIRTUAL_ENV: undefined,
      PATH: [dirname(without), dirname(having), process.env["PATH"]].join(":"),
    };
    expect(await findPython(env)).toBe(having);
  });

  test("a virtual environment goes before the PATH", async () => {
    const active = await pythonIn("active", { torch: true });
    const other = await pythonIn("other", { torch: true });
    const env = {
      ...process.env,
      VIRTUAL_ENV: join(folder, "active"),
      PATH: `${dirname(other)}:${process.env["PATH"]}`,
    };
    expect(await findPython(env)).toBe(active);
  });

  test("without any it says so", async () => {
    await expect(findPython({ PATH: folder })).rejects.toMatchObject({
      message: "PyTorch is not installed: no python3 is on the PATH",
    });
  });

  test("without one it says which were tried, what was wrong with each, and what to do", async () => {
    const without = await pythonIn("without", { torch: false });
    const broken = join(folder, "broken", "bin", "python3");
    await mkdir(dirname(broken), { recursive: true });
    await writeFile(broken, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const env = { VIRTUAL_ENV: join(folder, "broken"), PATH: dirname(without) };
    const found = await findPython(env).catch((error: unknown) => error);
    expect(found).toMatchObject({
      code: "dependency_missing",
      message: expect.stringMatching(/broken\/bin\/python3 does not start, .*without\/bin\/python3 has no torch/),
      next: expect.stringContaining("VIRTUAL_ENV"),
    });
  });
});
