import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPython } from "../find-python.ts";
import type { Clue, Discovery, Framework, FrameworkPlace, SessionOptions, TestSession } from "../framework.ts";
import { listPython, pythonProgram } from "../python-program.ts";
import type { RunnerProgram } from "../runner-program.ts";
import { RunnerSession } from "../runner-session.ts";

/** Where the framework's own search finds tests without being told more. */
const PLACES = [".", "tests", "test"];

const folder = dirname(fileURLToPath(new URL("./assay_unittest.py", import.meta.url)));

export const unittest: Framework = {
  name: "unittest",
  clue,
  async installed(place) {
    const found = await findPython("unittest", place).catch(() => undefined);
    return found === undefined ? {} : { python: found.version };
  },
  async discover(place: FrameworkPlace): Promise<Discovery> {
    return listPython(await unittestProgram(place), place);
  },
  reproduce: ({ id }) => ["python3", "-m", "unittest", id.replace(/ #\d+$/, "")],
  async open(options: SessionOptions): Promise<TestSession> {
    return RunnerSession.open(await unittestProgram(options), options);
  },
};

async function clue(root: string): Promise<Clue | null> {
  for (const place of PLACES) {
    const names = await readdir(join(root, place)).catch(() => []);
    for (const name of names.filter((one) => /^test.*\.py$/.test(one)).toSorted()) {
      const text = await readFile(join(root, place, name), "utf8").catch(() => "");
      const file = join(place, name);
      if (/^(import|from) unittest\b/m.test(text)) return { file, reason: `${file} imports unittest` };
    }
  }
  return null;
}

async function unittestProgram(place: FrameworkPlace): Promise<RunnerProgram> {
  const { executable } = await findPython("unittest", place);
  const command = [executable, "-m", "assay_unittest", ...place.arguments];
  const byHand = ["python3 -m unittest discover", ...place.arguments].join(" ");
  return pythonProgram({ framework: "unittest", folder, command, byHand });
}
