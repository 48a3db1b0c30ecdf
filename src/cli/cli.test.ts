import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../base/index.ts";
import { exitCodes } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "assay-cli-"));
});
afterAll(() => rm(cwd, { recursive: true }));

interface Ended {
  code: number;
  out: string;
  err: string;
}

/** Runs the command line as a process of its own. */
function assay(...args: string[]): Promise<Ended> {
  const env = { PATH: process.env["PATH"], LANG: "C.UTF-8" };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], { cwd, env }, (_error, out, err) => {
      resolve({ code: child.exitCode ?? -1, out, err });
    });
  });
}

/** The same in this process. */
async function runHere(...argv: string[]): Promise<Ended> {
  const text = { out: "", err: "" };
  const code = await runCli(argv, {
    env: { LANG: "C.UTF-8" },
    cwd,
    platform: "linux",
    stdout: { write: (part) => (text.out += part) },
    stderr: { write: (part) => (text.err += part) },
    clock: systemClock,
    interrupts: { signal: new AbortController().signal, exitCode: exitCodes.interrupted },
  });
  return { code, ...text };
}

describe("the process", () => {
  it("shows every command in its help, on standard output", async () => {
    const { code, out, err } = await assay("--help");
    expect([code, err]).toEqual([0, ""]);
    const commands = out.match(/^ {2}[a-z]+(?= )/gm)?.map((line) => line.trim());
    expect(commands?.join(" ")).toBe(
      "up coordinator worker join test discover adopt run matrix generate templates hardware models status runs tasks workers results tests mutes shares patterns explain logs sql analyze mute unmute cancel token verify rebuild",
    );
    expect(out).toContain("Exit codes: 0 ok, 1 tests failed, 2 wrong usage or input, 3 infrastructure");
  });

  it("prints its version", async () => {
    expect(await assay("--version")).toEqual({ code: 0, out: "0.1.0\n", err: "" });
  });

  it("ends with the exit code of its command", async () => {
    const { code, err } = await assay("frobnicate");
    expect([code, err]).toEqual([2, "error usage: unknown command 'frobnicate'\n  next: See `assay --help`.\n"]);
  });
});

describe("a command line", () => {
  it.each([
    [["frobnicate"], "error usage: unknown command 'frobnicate'\n  next: See `assay --help`.\n"],
    [
      ["runs", "--sate", "x"],
      "error usage: unknown option '--sate' (Did you mean --state?)\n  next: See `assay runs --help`.\n",
    ],
    [
      ["token", "create"],
      "error usage: required option '--role <role>' not specified\n  next: See `assay token create --help`.\n",
    ],
    [
      ["up", "--port", "http"],
      "error usage: option '--port <port>' argument 'http' is invalid. It must be a whole number from 0 to 65535.\n  next: See `assay up --help`.\n",
    ],
    [["explain", "r1"], "error usage: missing required argument 'task'\n  next: See `assay explain --help`.\n"],
    [["run"], "error usage: give either a suite file or --command\n  next: See `assay run --help`.\n"],
  ])("refuses %j with exit code 2", async (args, message) => {
    expect(await runHere(...args)).toEqual({ code: 2, out: "", err: message });
  });

  it("shows what is wrong with a suite on one screen and exits with 2", async () => {
    await writeFile(
      join(cwd, "bad.yaml"),
      "name: nightly\ntasks:\n  - task_id: a\n    type: command\n    comand: pytest\n    priority: 200\n    config: { command: x }\n",
    );
    const { code, out, err } = await runHere("run", "bad.yaml");
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatchInlineSnapshot(`
      "error unknown_field: tasks[0].comand is not a field of tasks[0]
        at bad.yaml:5:5
        also line 6: tasks[0].priority must be at most 100
        next: Remove or rename the field; an editor with the JSON Schema shows the known ones.
      "
    `);
  });

  it("puts errors on standard output as one object with --json", async () => {
    const missing = await runHere("run", "missing.yaml", "--json");
    expect([missing.code, missing.err]).toEqual([2, ""]);
    expect(JSON.parse(missing.out)).toEqual({
      error: { code: "suite_not_found", message: "missing.yaml does not exist", next: "Check the path." },
    });
    const usage = await runHere("runs", "--nothing", "--json");
    expect([usage.code, JSON.parse(usage.out)]).toMatchObject([2, { error: { code: "usage" } }]);
  });

  it("exits with 3 when no coordinator answers", async () => {
    const none = await runHere("status");
    expect(none.code).toBe(3);
    expect(none.err).toMatch(
      /^error coordinator_unreachable: no coordinator is named, and none runs on the data folder /,
    );
    const deaf = await runHere("status", "--coordinator", "http://127.0.0.1:9", "--token", "x");
    expect(deaf.code).toBe(3);
    expect(deaf.err).toMatch(/^error coordinator_unreachable: /);
  });

  it("exits with 5 when nothing matches", async () => {
    const { code, err } = await runHere("matrix", "--architectures", "unknown");
    expect([code, err.split("\n")[0]]).toEqual([
      5,
      "error nothing_matched: no model that works offline has the architecture unknown",
    ]);
  });

  it("runs the tasks of a type only where a suite has some", async () => {
    await writeFile(join(cwd, "typed.yaml"), "name: typed\ntasks: [{ task_id: a, type: hardware }]\n");
    const none = await runHere("run", "typed.yaml", "--test-type", "model", "--test-type", "api");
    expect([none.code, none.err.split("\n")[0]]).toEqual([
      5,
      "error nothing_matched: typed.yaml has no task of type model or api: its tasks are of type hardware",
    ]);
    expect(await runHere("run", "typed.yaml", "--test-type", "gpu")).toMatchObject({
      code: 2,
      err: expect.stringContaining("It must be one of model, benchmark, hardware, api") as string,
    });
    expect((await runHere("run", "--command", "true", "--test-type", "api")).code).toBe(2);
    expect((await runHere("run", "typed.yaml", "--worker-count", "0")).err).toContain("whole number from 1 to 256");
  });

  it("lists models without a coordinator", async () => {
    const { code, out } = await runHere("models", "tiny-vit", "--json");
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      { model: "tiny-vit", architecture: "vision", source: "generated" },
    ]);
    expect(await runHere("models", "bret")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^error unknown_model: .*Near: bert/) as string,
    });
  });

  it("lists models by architecture and family, from the hub only when asked", async () => {
    const ids = async (...options: string[]): Promise<string[]> => {
      const { out } = await runHere("models", ...options, "--json");
      return (JSON.parse(out) as { models: { model: string }[] }).models.map(({ model }) => model);
    };
    expect(await ids()).toHaveLength(6);
    expect(await ids("--architecture", "speech")).toEqual(["tiny-whisper"]);
    expect(await ids("--architecture", "encoder-only", "--model-family", "roberta", "--hub")).toEqual(["roberta-base"]);
    const { out, err } = await runHere("models", "--model-family", "clip");
    expect(out).toMatch(/^MODEL .*MEMORY.*\ntiny-clip +multimodal +clip +0\.522 M +2\.12 MB/);
    expect(err).toBe("1 model more on the hub: add --hub\n");
  });

  it.each([
    {
      args: ["--architecture", "visoin"],
      code: 2,
      err: /^error usage: no architecture has the name visoin\. Near: vision/,
    },
    {
      args: ["--model-family", "wisper"],
      code: 2,
      err: /^error usage: no model family has the name wisper\. Near: whisper/,
    },
    { args: ["--model-family", "roberta"], code: 5, err: /^error nothing_matched: .*roberta\n.*--hub/ },
    { args: ["--model-family", "mamba"], code: 5, err: /^error nothing_matched: .*mamba\n.*path of a model folder/ },
  ])("models $args ends with $code and says why", async ({ args, code, err }) => {
    const told = expect.stringMatching(err) as string;
    expect(await runHere("models", ...args)).toMatchObject({ code, out: "", err: told });
  });
});
