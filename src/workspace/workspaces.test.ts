import { randomUUID } from "node:crypto";
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { canonicalJson, manualClock, systemClock } from "../base/index.ts";
import type { FolderEntry, SetupStep } from "../contracts/index.ts";
import { setupStep } from "../contracts/index.ts";
import { nameFault } from "./portable-names.ts";
import type { RunLine } from "./setup-steps.ts";
import { shipFolder } from "./ship-folder.ts";
import { execFile } from "node:child_process";
import { MemoryBlobs, Scratch, textOf } from "./workspace-acceptance.ts";
import { Workspaces } from "./workspaces.ts";
import type { WorkspaceWish } from "./workspaces.ts";

const { env } = process;

const run: RunLine = (line, folder) =>
  new Promise((resolve) => {
    execFile("/bin/sh", ["-c", line], { cwd: folder }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : Number(error.code);
      resolve({ exitCode, signal: null, tail: stdout + stderr });
    });
  });

function wish(root: string, source: MemoryBlobs, more: Partial<WorkspaceWish> = {}): WorkspaceWish {
  const { signal } = new AbortController();
  const plain = { runId: "run-1", directory: ".", setup: [], surroundings: "here", run, log: () => {}, signal };
  return { root, source, ...plain, ...more };
}

function listing(...entries: FolderEntry[]): string {
  return canonicalJson({ entries });
}

describe("a worker's folder", () => {
  test("has what the snapshot has, is shared within a run, new for another, and fetched once", async () => {
    await using scratch = new Scratch();
    const project = scratch.project("p", {
      "bin/tool.sh": "#!/bin/sh\necho hello",
      "ü/日本 😀\n.txt": "unicode",
      "twice/a": "same",
      "twice/b": "same",
      large: "x".repeat(1_000_000),
      empty: "",
    });
    await chmod(`${project}/bin/tool.sh`, 0o755);
    await symlink("../bin", `${project}/twice/link`);
    const blobs = new MemoryBlobs();
    const { root } = await shipFolder(project, blobs, { env });
    await rm(project, { recursive: true });
    const workspaces = new Workspaces({ cacheDir: scratch.path("cache"), clock: systemClock });
    const [one, other] = await Promise.all([workspaces.take(wish(root, blobs)), workspaces.take(wish(root, blobs))]);
    expect(other?.folder).toBe(one?.folder);
    const { folder } = one;
    expect((await run("twice/link/tool.sh", folder)).tail).toBe("hello\n");
    expect(await textOf(folder, "ü/日本 😀\n.txt")).toBe("unicode");
    expect([(await stat(`${folder}/large`)).size, await textOf(folder, "empty")]).toEqual([1_000_000, ""]);
    // Tests write into their files; nobody else sees it.
    await appendFile(`${folder}/twice/a`, " and dirt");
    expect(await textOf(folder, "twice/b")).toBe("same");
    const { fetched } = blobs;
    const next = await workspaces.take(wish(root, blobs, { runId: "run-2" }));
    expect(next.folder).not.toBe(folder);
    expect(await textOf(next.folder, "twice/a")).toBe("same");
    expect(blobs.fetched).toBe(fetched);
    for (const taken of [one, other, next]) taken.release();
    await chmod(`${folder}/twice`, 0o500);
    await workspaces.close();
    expect(await readdir(scratch.path("cache", "workspaces", "folders"))).toEqual([]);
    // What a process left behind that died goes; what it fetched stays, unless it is damaged.
    await mkdir(scratch.path("cache", "workspaces", "folders", "dead"));
    const [start = ""] = (await readdir(scratch.path("cache", "workspaces", "blobs"))).filter((name) => name !== "new");
    const [damaged = ""] = await readdir(scratch.path("cache", "workspaces", "blobs", start));
    await writeFile(scratch.path("cache", "workspaces", "blobs", start, damaged), "");
    const after = new Workspaces({ cacheDir: scratch.path("cache"), clock: systemClock });
    const again = await after.take(wish(root, blobs));
    expect(await textOf(again.folder, "twice/a")).toBe("same");
    expect((await stat(`${again.folder}/large`)).size).toBe(1_000_000);
    expect(blobs.fetched).toBe(fetched + 1);
    expect(await readdir(scratch.path("cache", "workspaces", "folders"))).toHaveLength(1);
    again.release();
    await after.close();
  });

  test("goes when nobody wants it any more, and content that was not used for long makes room", async () => {
    await using scratch = new Scratch();
    const clock = manualClock();
    const blobs = new MemoryBlobs();
    const roots: string[] = [];
    for (const name of ["one", "two", "three"])
      roots.push((await shipFolder(scratch.project(name, { f: name.repeat(1_000) }), blobs, { env })).root);
    const [one = "", two = "", three = ""] = roots;
    const workspaces = new Workspaces({ cacheDir: scratch.path("cache"), clock, maxCacheBytes: 9_000 });
    const folders = (): Promise<string[]> => readdir(scratch.path("cache", "workspaces", "folders"));
    const taken = await workspaces.take(wish(one, blobs));
    taken.release();
    clock.advance(59_000);
    (await workspaces.take(wish(one, blobs))).release();
    clock.advance(59_000);
    expect(await folders()).toHaveLength(1);
    clock.advance(2_000);
    await expect.poll(folders).toEqual([]);
    (await workspaces.take(wish(two, blobs))).release();
    (await workspaces.take(wish(three, blobs))).release();
    const { fetched } = blobs;
    (await workspaces.take(wish(three, blobs, { runId: "run-2" }))).release();
    expect(blobs.fetched).toBe(fetched);
    (await workspaces.take(wish(one, blobs, { runId: "run-2" }))).release();
    expect(blobs.fetched).toBeGreaterThan(fetched);
    await workspaces.close();
    expect(await folders()).toEqual([]);
  });

  test("is refused by name when its listing lies, and what is missing is named", async () => {
    await using scratch = new Scratch();
    const blobs = new MemoryBlobs();
    const workspaces = new Workspaces({ cacheDir: scratch.path("cache"), clock: systemClock });
    const take = (text: string) => workspaces.take(wish(blobs.add(text), blobs));
    const text = { kind: "file", sha256: blobs.add("text"), size: 4 } as const;
    const refused = (message: string | RegExp): object => ({
      code: "workspace_refused",
      message: expect.stringMatching(message) as string,
    });
    for (const name of ["..", "a/b", ".", "a\0b"])
      await expect(take(listing({ ...text, name }))).rejects.toMatchObject(refused("not the listing of a folder"));
    await expect(take("not even JSON")).rejects.toMatchObject(refused("not the listing of a folder"));
    // A link and a folder of the same name: what is in the folder would be written through the link.
    const inside = blobs.add(listing({ ...text, name: "f" }));
    const both = listing({ kind: "link", name: "a", target: "." }, { kind: "folder", name: "a", sha256: inside });
    await expect(take(both)).rejects.toMatchObject(refused("not in order"));
    await expect(take(listing({ kind: "link", name: "a", target: "../etc" }))).rejects.toMatchObject(
      refused("a is a link"),
    );
    await expect(take(listing({ kind: "link", name: "a", target: "/etc" }))).rejects.toMatchObject(
      refused("a is a link"),
    );
    // Folders that stand ten times in each other, ten deep.
    let nested = inside;
    for (let depth = 0; depth < 10; depth += 1) {
      const entries = Array.from(
        { length: 10 },
        (_, index) => ({ kind: "folder", name: `${index}`, sha256: nested }) as const,
      );
      nested = blobs.add(listing(...entries));
    }
    await expect(workspaces.take(wish(nested, blobs))).rejects.toMatchObject(refused("more than"));
    const gone = { ...text, name: "gone.txt", sha256: "0".repeat(64) };
    await expect(take(listing(gone))).rejects.toMatchObject({ code: "workspace_incomplete" });
    await expect(take(listing({ ...gone, size: 1_000_000 }))).rejects.toMatchObject({
      message: expect.stringContaining("gone.txt") as string,
    });
    expect(await readdir(scratch.path("cache", "workspaces", "folders"))).toEqual([]);
  });

  test("names that a system cannot have", () => {
    const windows = { windows: true, foldsCase: true };
    for (const name of ["a:b", "a?", "con", "Aux.txt", "COM1", "a.", "a ", "a\nb", 'a"'])
      expect(nameFault(["ok", name], windows)).toContain("cannot be a name on Windows");
    expect(nameFault(["console", ".hidden", "a b", "ü😀"], windows)).toBeUndefined();
    expect(nameFault(["README", "Readme"], windows)).toContain('"README" and "Readme" are one name');
    expect(nameFault(["\u00e9", "e\u0301"], { windows: false, foldsCase: true })).toContain("are one name");
    expect(nameFault(["README", "Readme", "a:b", "con"], { windows: false, foldsCase: false })).toBeUndefined();
  });
});

describe("set-up steps", () => {
  const step = (line: string, more: Partial<SetupStep> = {}): SetupStep => setupStep.parse({ run: line, ...more });

  test("run once for equal inputs, also at the same time, and what they made is put in place again", async () => {
    await using scratch = new Scratch();
    const runs = scratch.path("runs");
    const make = `echo made >> ${runs}; mkdir -p deps/empty deps/bin; cat lock > deps/a; cp a.sh deps/bin/; chmod +x deps/bin/a.sh; ln -s /etc/hosts deps/out`;
    const setup = [
      step(make, { inputs: ["lock"], outputs: ["deps"] }),
      step(`echo after >> ${runs}; cat deps/a > after`),
    ];
    const blobs = new MemoryBlobs();
    const project = { lock: "1", "a.sh": "#!/bin/sh\necho works" };
    const { root } = await shipFolder(scratch.project("p", { ...project, test: "1" }), blobs, { env });
    const workspaces = new Workspaces({ cacheDir: scratch.path("cache"), clock: systemClock });
    const said: string[] = [];
    const log = (text: string): void => void said.push(text);
    const [one, two] = await Promise.all(
      ["run-1", "run-2"].map((runId) => workspaces.take(wish(root, blobs, { setup, runId, log }))),
    );
    const timesRun = async (word: string): Promise<number> =>
      (await readFile(runs, "utf8")).split(`${word}\n`).length - 1;
    expect(one?.folder).not.toBe(two?.folder);
    expect([await timesRun("made"), await timesRun("after")]).toEqual([1, 2]);
    for (const taken of [one, two]) {
      const folder = taken?.folder ?? "";
      expect(await textOf(folder, "after")).toBe("1");
      expect((await run("deps/bin/a.sh; ls deps; readlink deps/out", folder)).tail).toBe(
        "works\na\nbin\nempty\nout\n/etc/hosts\n",
      );
      taken?.release();
    }
    expect(said.join("")).toContain("(kept from before)");
    // Another file is no other input; the lock is.
    const other = await shipFolder(scratch.project("p", { test: "2" }), blobs, { env });
    (await workspaces.take(wish(other.root, blobs, { setup }))).release();
    expect(await timesRun("made")).toBe(1);
    const changed = await shipFolder(scratch.project("p", { lock: "2" }), blobs, { env });
    const third = await workspaces.take(wish(changed.root, blobs, { setup }));
    expect([await timesRun("made"), await textOf(third.folder, "after")]).toEqual([2, "2"]);
    third.release();
    (await workspaces.take(wish(changed.root, blobs, { setup, surroundings: "elsewhere" }))).release();
    expect(await timesRun("made")).toBe(3);
    // A part of what it made is gone: it runs again.
    await workspaces.close();
    await rm(scratch.path("cache", "workspaces", "blobs"), { recursive: true });
    const later = new Workspaces({ cacheDir: scratch.path("cache"), clock: systemClock });
    const again = await later.take(wish(changed.root, blobs, { setup }));
    expect([await timesRun("made"), await textOf(again.folder, "deps/a")]).toEqual([4, "2"]);
    again.release();
    await later.close();
  });

  test("that fail say why, are not kept, and write nowhere else", async () => {
    await using scratch = new Scratch();
    const blobs = new MemoryBlobs();
    const { root } = await shipFolder(scratch.project("p", { a: "a" }), blobs, { env });
    const workspaces = new Workspaces({ cacheDir: scratch.path("cache"), clock: systemClock });
    const take = (one: SetupStep, more: Partial<WorkspaceWish> = {}) =>
      workspaces.take(wish(root, blobs, { setup: [one], runId: randomUUID(), ...more }));
    const failed = (message: string): object => ({
      code: "setup_step_failed",
      message: expect.stringContaining(message) as string,
    });
    const fails = step("echo some output; echo the reason >&2; exit 3", { outputs: ["deps"] });
    await expect(take(fails)).rejects.toMatchObject(failed("ended with exit code 3: some output\nthe reason"));
    await expect(take(fails)).rejects.toMatchObject(failed("exit code 3"));
    await expect(take(step("true", { outputs: ["deps"] }))).rejects.toMatchObject(failed("did not make deps"));
    await expect(take(step("true", { outputs: ["./"] }))).rejects.toMatchObject(failed("cannot be its output"));
    // A link on the way to what is put in place again: nothing is removed or written through it.
    const kept = step("mkdir -p d && echo made > d/f", { outputs: ["d/f"] });
    (await take(kept)).release();
    const linked = scratch.project("linked", { "else/f": "mine" });
    await symlink("else", scratch.path("linked", "d"));
    const other = await shipFolder(linked, blobs, { env });
    await expect(take(kept, { root: other.root })).rejects.toMatchObject({
      code: "workspace_refused",
      message: "d/f leads through the link d",
    });
    // Whoever waits for one that was told to stop makes it itself.
    const stopping = new AbortController();
    const slow = step(`while [ ! -e ${scratch.path("go")} ]; do sleep 0.02; done; echo x > out`, { outputs: ["out"] });
    const runId = "shared";
    const first = take(slow, { runId, signal: stopping.signal });
    const second = take(slow, { runId });
    stopping.abort(new Error("told to stop"));
    await expect(first).rejects.toThrow("told to stop");
    await writeFile(scratch.path("go"), "");
    const taken = await second;
    expect(await textOf(taken.folder, "out")).toBe("x\n");
    taken.release();
    await workspaces.close();
  });
});
