import { mkdir, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MUTE_WINDOW } from "../src/contracts/index.ts";
import { assay, Site, workersReady } from "./support/assay-process.ts";
import type { Output, RunningCoordinator } from "./support/assay-process.ts";

interface Told {
  run: { run_id: string; state: string };
  counts: Record<string, number>;
  tests: { id: string; outcome: string; muted?: true; reproduce: string | null }[];
}

const SHAKY = "shaky.test.mjs > shaky";

let site: Site;
let link: RunningCoordinator;

beforeAll(async () => {
  site = await Site.open();
  await mkdir(site.path("project"));
  const text = `import { test } from "node:test";
import { existsSync } from "node:fs";
test("shaky", () => { if (existsSync(${JSON.stringify(site.path("broken"))})) throw new Error("the net is slow"); });
test("fine", () => {});
`;
  await writeFile(site.path("project/shaky.test.mjs"), text);
  link = await site.coordinator();
  site.worker("one", link, "--slots", "2");
  await workersReady(link.client, 1);
});
afterAll(() => site[Symbol.asyncDispose]());

const ask = (...args: string[]): Promise<Output> => assay(...args, ...link.flags);

/** Runs the project's tests; gives the exit code and what was told. */
async function run(...more: string[]): Promise<[code: number | null, told: Told]> {
  const { code, stdout, stderr } = await ask("test", site.path("project"), "--json", ...more);
  if (!stdout.startsWith("{")) throw new Error(stderr);
  return [code, JSON.parse(stdout) as Told];
}

/** What the first event of a type says, as soon as there is one. */
async function firstTold(type: string): Promise<string | undefined> {
  for await (const { message } of link.client.events({ after: 0, type })) return message;
  return undefined;
}

test("a muted test runs and fails no run, until it was steady for long enough; then it fails runs again", async () => {
  await writeFile(site.path("broken"), "");
  const [before, { counts }] = await run();
  expect([before, counts]).toEqual([1, { passed: 1, failed: 1 }]);

  const unknown = await ask("mute", SHAKY, "none", "--reason", "x");
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("no test none has run")]);
  expect(await link.client.mutes()).toEqual([]);
  const muted = await ask("mute", SHAKY, "--reason", "the net is slow", "--owner", "ada", "--for", "14d");
  expect(muted.stdout).toMatch(/^muted shaky\.test\.mjs > shaky \(node-test\), owner ada, until 2\S+Z\n$/);

  const [during, told] = await run();
  expect([during, told.run.state, told.counts]).toEqual([0, "completed", { muted: 1, passed: 1 }]);
  expect(told.tests.find(({ id }) => id === SHAKY)).toMatchObject({ outcome: "failed", muted: true });
  const tests = await ask("tests", told.run.run_id);
  expect(tests.stdout).toMatch(/[-–] muted +\S+ s +shaky\.test\.mjs > shaky/);
  expect(tests.stderr).toBe("1 result of muted tests; `assay mutes` says who muted what, and why\n");
  const listed = await ask("mutes");
  expect(listed.stdout).toMatch(
    /ada +\S+ s ago +2\S+Z +once +95 % \(1 of 1 tries\) +node-test +the net is slow +shaky/,
  );

  await rm(site.path("broken"));
  const [steady] = await run("--repeat", String(MUTE_WINDOW));
  expect(steady).toBe(0);
  expect(await firstTold("test_muted")).toBe(`${SHAKY}: the net is slow (ada)`);
  expect(await firstTold("test_unmuted")).toBe(
    `${SHAKY}: it is steady: 0 of ${MUTE_WINDOW} tries failed, so it is flaky with 1.71 % (scheduler)`,
  );
  expect((await ask("mutes")).stdout).toBe("No test is muted.\n");

  await writeFile(site.path("broken"), "");
  const [after, again] = await run();
  expect([after, again.counts]).toEqual([1, { passed: 1, failed: 1 }]);
});

test("a person unmutes by the id of the test, and changes who sees to it", async () => {
  const named = ["--framework", "node-test", "--directory", "."];
  for (const owner of ["ada", "eve"])
    await ask("mute", "never.test.mjs > ran", "--reason", "x", "--owner", owner, ...named);
  const listed = await ask("mutes", "--json");
  expect(JSON.parse(listed.stdout)).toMatchObject({
    mutes: [
      { test_id: "never.test.mjs > ran", owner: "eve", until: null, evidence: { runs: 0, passes: 0, failures: 0 } },
    ],
  });
  const unmuted = await ask("unmute", "never.test.mjs > ran");
  expect([unmuted.code, unmuted.stdout]).toEqual([0, "unmuted never.test.mjs > ran\n"]);
  const twice = await ask("unmute", "never.test.mjs > ran", "--json");
  expect([twice.code, JSON.parse(twice.stdout)]).toMatchObject([2, { error: { code: "not_found" } }]);
  const late = await ask("mute", "t", "--reason", "x", "--until", "2001-01-31", ...named, "--json");
  expect([late.code, JSON.parse(late.stdout)]).toMatchObject([2, { error: { code: "invalid_field" } }]);
  expect(await link.client.mutes()).toEqual([]);
  expect(await link.client.stateHash()).toMatchObject({ equal: true });
});
