import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultSetup } from "./default-setup.ts";

test("packages that are not shipped are installed from the lock file that is there, and a note says so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "assay-setup-"));
  try {
    const vitest = { framework: "vitest", directory: "." } as const;
    const stepsFor = async (suite: Parameters<typeof defaultSetup>[0], ...shipped: string[]) =>
      defaultSetup(suite, { folder, has: (path) => shipped.includes(path) });
    const nothing = { steps: [], note: null };
    await writeFile(join(folder, "package.json"), JSON.stringify({ devDependencies: { vitest: "*" } }));
    expect(await stepsFor(vitest, "package.json", "package-lock.json", ".npmrc")).toEqual({
      steps: [{ run: "npm ci", inputs: ["package.json", "package-lock.json", ".npmrc"], outputs: ["node_modules"] }],
      note: expect.stringContaining("workers run `npm ci` once for each package-lock.json") as string,
    });
    expect((await stepsFor(vitest, "package.json", "yarn.lock")).steps).toMatchObject([
      { run: "yarn install --frozen-lockfile" },
    ]);
    const unlocked = await stepsFor(vitest, "package.json");
    expect(unlocked).toEqual({ steps: [], note: expect.stringContaining("no lock file") as string });
    // A link to packages is shipped like any file.
    expect(await stepsFor(vitest, "package.json", "package-lock.json", "node_modules")).toEqual(nothing);
    expect(await stepsFor({ ...vitest, directory: "web" }, "package.json", "package-lock.json")).toEqual(nothing);
    expect(await stepsFor({ ...vitest, framework: "pytest" }, "package.json", "package-lock.json")).toEqual(nothing);
    for (const text of ["{", '{"dependencies": {}}', "[]"]) {
      await writeFile(join(folder, "package.json"), text);
      expect(await stepsFor(vitest, "package.json", "package-lock.json")).toEqual(nothing);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
