import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isAlive } from "../../executor-acceptance.ts";
import { findBrowser } from "./find-browser.ts";
import { headlessShell } from "./headless-shell.ts";
import { launchBrowser } from "./launch-browser.ts";
import type { Launch } from "./launch-browser.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-launch-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, content: string | Uint8Array): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content);
  await chmod(file, 0o755);
  return file;
}

/** Launches what must not start; the process that was begun is gone afterwards. */
async function failure(executablePath: string, changes: Partial<Launch> = {}): Promise<unknown> {
  const started: number[] = [];
  const launch: Launch = {
    ...{ name: "chromium", executablePath, signal: new AbortController().signal },
    onStarted: (pid) => started.push(pid),
    ...changes,
  };
  const error: unknown = await launchBrowser(launch).then(
    () => expect.unreachable("it started"),
    (reason: unknown) => reason,
  );
  await expect.poll(() => started.filter(isAlive)).toEqual([]);
  return error;
}

const notStarted = (message: string, next: string = ""): object =>
  expect.objectContaining({
    code: "browser_not_started",
    message: expect.stringContaining(message),
    next: expect.stringContaining(next),
  });

const unix = process.platform !== "win32";
if (!unix) console.warn("no shell scripts on this system: nothing pretends to be a browser");

describe.runIf(unix)("what does not start says why", () => {
  test.each(["chromium", "firefox"] as const)("a program that is no %s, with its last words", async (name) => {
    const file = await program("not-a-browser", "#!/bin/sh\necho 'I am a teapot' >&2; exit 3\n");
    expect(await failure(file, { name })).toEqual(notStarted("its last words: I am a teapot"));
  });

  test.each(["chromium", "firefox"] as const)("a program that never answers as %s does", async (name) => {
    const file = await program("silent", "#!/bin/sh\nexec sleep 1000\n");
    expect(await failure(file, { name, limitMs: 200 })).toEqual(notStarted(`${file} did not start`));
  });

  test("a launch that is stopped meanwhile", async () => {
    const file = await program("slow", "#!/bin/sh\nexec sleep 1000\n");
    const stop = new AbortController();
    const reason = new Error("stopped");
    const options = { signal: stop.signal, onStarted: () => stop.abort(reason) };
    expect(await failure(file, options)).toBe(reason);
  });

  test("a file that cannot be executed", async () => {
    expect(await failure(folder)).toEqual(notStarted("EACCES"));
  });
});

/** A small program of this system that is made for its libraries, to be changed. */
const ls = await readFile("/bin/ls", "latin1").catch(() => "");
const elf = process.platform === "linux" && ls.includes("libselinux.so.1");
if (!elf) console.warn("no program of the expected kind on this system: none lacks a library");

describe.runIf(elf)("what the loader of programs refuses is explained", () => {
  test("a missing library, with the package that has it", async () => {
    const lacking = ls.replaceAll("libselinux.so.1", "libnspr4.so.999");
    const file = await program("lacking", Buffer.from(lacking, "latin1"));
    expect(await failure(file)).toEqual(notStarted("libnspr4.so.999", "apt-get install libnspr4"));
  });

  test("another processor's program", async () => {
    const bytes = Buffer.from(ls, "latin1");
    const [machine, other] = process.arch === "arm64" ? [0x3e, "x64"] : [0xb7, "arm64"];
    bytes.writeUInt16LE(machine, 18);
    expect(await failure(await program("foreign", bytes))).toEqual(notStarted("foreign", `built for ${other}`));
  });
});

describe("what is not there", () => {
  test("a browser that is not on the PATH, and a folder of its name", async () => {
    const where = { cacheDir: folder, env: { PATH: folder } };
    await expect(findBrowser("firefox", where)).rejects.toMatchObject({ code: "dependency_missing" });
    await program("firefox", "");
    expect(await findBrowser("firefox", where)).toBe(join(folder, "firefox"));
  });

  const shell = process.platform === "linux" && process.arch === "x64";
  test.runIf(shell)("a place for the headless shell", async () => {
    const file = await program("a-file", "");
    await expect(headlessShell(join(file, "cache"))).rejects.toMatchObject({
      code: "data_dir_read_only",
      message: expect.stringContaining(join(file, "cache")),
    });
  });
});
