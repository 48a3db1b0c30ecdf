import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runTests, nodeProject, userEnvironment } from "../framework-acceptance.ts";
import { playwright } from "./playwright-framework.ts";

/** Playwright's own browsers are not part of its package. */
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));
if (CHROMIUM === undefined) console.log("skipped: a page in Playwright; there is no chromium at /usr/bin/chromium");

const outcomes = `
import { expect, test } from "@playwright/test";
test("passes", () => {});
test("fails", () => { console.log("said before"); expect(1).toBe(2); });
test.skip("skipped", () => {});
test.fail("expected", () => { throw new Error("known"); });
test("ends", () => process.kill(process.pid, "SIGKILL"));
test("two\\nlines 🐞 a > b (c)", { tag: "@slow" }, () => {});
test.describe("tried", () => { test.describe.configure({ retries: 1 }); test("flaky", ({}, { retry }) => expect(retry).toBe(1)); });
test("slow", async () => { test.setTimeout(50); await new Promise(() => {}); });
`;
const config = `export default { projects: [{ name: "one" }, { name: "two", testMatch: "two.spec.mjs" }] };`;

test("what it lists and runs is what Playwright itself says in its JSON report", async () => {
  await using project = await nodeProject({ "playwright.config.mjs": config, "all.spec.mjs": outcomes });
  expect(await playwright.clue(project.folder)).toMatchObject({ file: "playwright.config.mjs" });
  const { tests, version } = await playwright.discover(project.place());
  expect(version).toMatch(/^\d+\./);
  expect(tests.find(({ id }) => id.includes("lines"))).toEqual({
    id: "[one] all.spec.mjs > two\nlines 🐞 a > b (c)",
    file: "all.spec.mjs",
    line: 8,
    together: "file:[one] all.spec.mjs",
    tags: ["@slow"],
  });
  const session = await playwright.open(project.options());
  const { end, results } = await runTests(session, ["[one] all.spec.mjs"]);
  expect(end).toBeNull();
  expect([...results.keys()]).toEqual(tests.map(({ id }) => id));
  const ours = Array.from(results.values(), ({ id, outcome, retries }) => {
    const verdict = { passed: retries === undefined ? "expected" : "flaky", xfailed: "expected", skipped: "skipped" };
    return `${id.split(" > ").at(-1)} ${Object.hasOwn(verdict, outcome) ? verdict[outcome as keyof typeof verdict] : "unexpected"}`;
  });
  expect(ours.toSorted()).toEqual((await ownOutcomes(project.folder)).toSorted());
  expect(results.get("[one] all.spec.mjs > fails")).toMatchObject({
    outcome: "failed",
    output: "said before\n",
    message: expect.stringContaining("expect(received).toBe(expected)"),
  });
  expect(results.get("[one] all.spec.mjs > tried > flaky")).toMatchObject({ outcome: "passed", retries: 1 });
  expect(results.get("[one] all.spec.mjs > ends")?.outcome).toBe("crashed");
  expect(results.get("[one] all.spec.mjs > slow")?.outcome).toBe("timed_out");
  const some = ["[one] all.spec.mjs > two\nlines 🐞 a > b (c)", "[one] all.spec.mjs > gone"];
  const again = await runTests(session, some);
  await session.close();
  expect(Array.from(again.results.values(), ({ id, outcome }) => [id, outcome])).toEqual([
    [some[0], "passed"],
    [some[1], "error"],
  ]);
});

test.skipIf(CHROMIUM === undefined)("a page is looked at, and its picture is attached", async () => {
  await using project = await nodeProject({
    "playwright.config.mjs": `export default { use: { screenshot: "on",
  launchOptions: { executablePath: ${JSON.stringify(CHROMIUM)}, args: ["--no-sandbox"] } } };`,
    "page.spec.mjs": `import { expect, test } from "@playwright/test";
test("a page", async ({ page }) => { await page.setContent("<b>words</b>"); await expect(page.locator("b")).toHaveText("words"); });`,
  });
  const session = await playwright.open(project.options());
  const { results, events } = await runTests(session, ["page.spec.mjs > a page"]);
  await session.close();
  expect(results.get("page.spec.mjs > a page")?.outcome).toBe("passed");
  const pictures = events.filter((event) => event.kind === "attachment" && existsSync(event.path));
  expect(pictures).toMatchObject([{ id: "page.spec.mjs > a page", contentType: "image/png" }]);
});

test("a project without Playwright, or with settings that cannot be read, is an error that says what to do", async () => {
  await using project = await nodeProject({ "playwright.config.mjs": 'throw new Error("bad settings");' });
  await expect(playwright.discover(project.place())).rejects.toMatchObject({
    code: "discovery_failed",
    message: expect.stringContaining("bad settings"),
  });
  await expect(playwright.open({ ...project.options(), folder: "/" })).rejects.toMatchObject({
    code: "framework_missing",
    next: expect.stringContaining("npm install --save-dev @playwright/test"),
  });
});

interface OwnSuite {
  suites?: OwnSuite[];
  specs: { title: string; tests: { status: string }[] }[];
}

async function ownOutcomes(folder: string): Promise<string[]> {
  const failed = (error: { stdout: string }): { stdout: string } => error;
  const options = { cwd: folder, env: userEnvironment() };
  const { stdout } = await promisify(execFile)("npx", ["playwright", "test", "--reporter=json"], options).catch(failed);
  const within = ({ suites = [], specs }: OwnSuite): string[] => [
    ...specs.flatMap(({ title, tests }) => tests.map(({ status }) => `${title.split(" > ").at(-1)} ${status}`)),
    ...suites.flatMap(within),
  ];
  return (JSON.parse(stdout) as { suites: OwnSuite[] }).suites.flatMap(within);
}
