import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { pretendNode, runNode, treeWith } from "./run-script.ts";

const OLD = pretendNode("20.19.0");
const MAIN = `console.log(JSON.stringify(process.argv.slice(2)), process.argv[1]); process.exitCode = 7;`;

function launcher(files: Record<string, string>): string {
  return join(treeWith(["bin/assay.mjs"], { "package.json": `{"type":"module"}`, ...files }), "bin/assay.mjs");
}

describe("the assay launcher", () => {
  it("runs the sources of a checkout with its own Node when that is new enough", async () => {
    const path = launcher({ "src/cli/main.ts": MAIN, "dist/cli/main.js": "" });
    const { code, stdout } = await runNode([path, "run", "--x", "a b"]);
    expect(code).toBe(7);
    expect(stdout).toMatch(/^\["run","--x","a b"\] .*src.cli.main\.ts\n$/);
  });

  it("runs the built files where there are no sources", async () => {
    const { code, stdout } = await runNode([launcher({ "dist/cli/main.js": MAIN })]);
    expect(code).toBe(7);
    expect(stdout).toMatch(/dist.cli.main\.js\n$/);
  });

  it("hands over to the Node that ASSAY_NODE names, with arguments and exit code", async () => {
    const path = launcher({ "src/cli/main.ts": MAIN });
    const { code, stdout } = await runNode([OLD, path, "up", "a b"], { ASSAY_NODE: process.execPath });
    expect(code).toBe(7);
    expect(stdout).toMatch(/^\["up","a b"\]/);
  });

  it("forwards a signal and reports how the command ended", async () => {
    const main = `process.on("SIGTERM", () => process.exit(9)); setInterval(() => {}, 1000); console.log("ready");`;
    const child = spawn(process.execPath, [OLD, launcher({ "src/cli/main.ts": main })], {
      env: { ...process.env, ASSAY_NODE: process.execPath },
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([9, null]);
  });

  it("says what to do when no Node is new enough, or nothing is there to run", async () => {
    const path = launcher({ "src/cli/main.ts": MAIN });
    const tooOld = await runNode([OLD, path], { ASSAY_NODE: "/no/such/node" });
    expect(tooOld).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Node 24 or newer is needed, this is 20.19.0"),
    });
    const empty = await runNode([launcher({})]);
    expect(empty).toMatchObject({ code: 1, stderr: expect.stringContaining("npm run build") });
  });
});
