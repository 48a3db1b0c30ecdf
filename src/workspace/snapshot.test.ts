import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { appendFile, chmod, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { folderListing } from "../contracts/index.ts";
import { ship } from "./ship.ts";
import { shipFolder } from "./ship-folder.ts";
import { snapshot } from "./snapshot.ts";
import type { SnapshotOptions } from "./snapshot.ts";
import { gitIn, MemoryBlobs, Scratch } from "./workspace-acceptance.ts";

const { env } = process;
const pathsOf = async (folder: string, options: Partial<SnapshotOptions> = {}): Promise<string[]> =>
  [...(await snapshot(folder, { env, ...options })).paths].sort();

/** Changes files as if long ago, so that their times are no longer new. */
async function longAgo(...paths: string[]): Promise<void> {
  for (const path of paths) await utimes(path, 1_000_000, 1_000_000);
}

describe("the files of a snapshot", () => {
  test("in git: tracked and untracked, none that is ignored or deleted, those of repositories inside; and what patterns say", async () => {
    await using scratch = new Scratch();
    const folder = scratch.project("p", {
      ".gitignore": "*.log\n/build/\n.env*\n",
      "a.py": "a",
      "gone.py": "g",
      "ü/日本 😀.txt": "unicode",
      "build/out/lib.so": "built",
      "build/out/.hidden": "built too",
      "build/note.log": "log",
      ".env.test": "secret",
      "data/big.bin": "big",
      "data/sub/small.bin": "small",
      ".assay/data": "of Assay",
    });
    gitIn(folder, "init");
    gitIn(folder, "add", "a.py", "gone.py", ".gitignore");
    await rm(`${folder}/gone.py`);
    scratch.project("p/inner", { "i.py": "i", ".gitignore": "x\n", x: "ignored there" });
    gitIn(`${folder}/inner`, "init");
    const plain = [".gitignore", "a.py", "data/big.bin", "data/sub/small.bin", "inner/.gitignore", "inner/i.py"];
    expect(await pathsOf(folder)).toEqual([...plain, "ü/日本 😀.txt"]);
    expect(
      await pathsOf(folder, { include: ["build/**", ".env.test"], exclude: ["*.log", "data/sub", "inner/**"] }),
    ).toEqual([
      ".env.test",
      ".gitignore",
      "a.py",
      "build/out/.hidden",
      "build/out/lib.so",
      "data/big.bin",
      "ü/日本 😀.txt",
    ]);
    expect(await pathsOf(folder, { without: [`${folder}/data`], exclude: ["inner", "ü"] })).toEqual([
      ".gitignore",
      "a.py",
    ]);
    const built = await pathsOf(folder, { include: ["note.log", "/build/out"], exclude: ["inner", "ü", "data"] });
    expect(built).toEqual([".gitignore", "a.py", "build/note.log", "build/out/.hidden", "build/out/lib.so"]);
    // A folder in a repository is a workspace of its own.
    expect(await pathsOf(`${folder}/data`)).toEqual(["big.bin", "sub/small.bin"]);
    expect(await pathsOf(`${folder}/build`)).toEqual(["note.log", "out/.hidden", "out/lib.so"]);
    await expect(snapshot(folder, { env, include: ["../*"] })).rejects.toMatchObject({ code: "invalid_field" });
    await expect(snapshot(folder, { env: { PATH: scratch.folder } })).rejects.toMatchObject({
      code: "dependency_missing",
    });
  });

  test("without git: all but what is known to be made from others", async () => {
    await using scratch = new Scratch();
    const folder = scratch.project("p", {
      "a.js": "a",
      ".hidden": "h",
      "node_modules/x/index.js": "x",
      "sub/__pycache__/a.pyc": "c",
      "sub/b.py": "b",
    });
    expect(await pathsOf(folder)).toEqual([".hidden", "a.js", "sub/b.py"]);
  });

  test("what cannot be shipped is named", async () => {
    await using scratch = new Scratch();
    const folder = scratch.project("p", { "dir/a": "a", "dir/b": "bb" });
    const refusal = (options: Partial<SnapshotOptions> = {}) => snapshot(folder, { env, ...options });
    const refused = (text: string): object => ({
      code: "workspace_refused",
      message: expect.stringContaining(text) as string,
    });
    await symlink("/etc/hosts", `${folder}/dir/absolute`);
    await expect(refusal()).rejects.toMatchObject(refused("dir/absolute is a link that leads out"));
    await symlink("../../else", `${folder}/dir/out`);
    await expect(refusal({ exclude: ["absolute"] })).rejects.toMatchObject(refused("dir/out is a link that leads out"));
    const server = createServer().listen(`${folder}/dir/socket`);
    await once(server, "listening");
    await expect(refusal({ exclude: ["absolute", "out"] })).rejects.toMatchObject(refused("dir/socket is neither"));
    server.close();
    await once(server, "close");
    const exclude = ["absolute", "out", "socket"];
    await expect(refusal({ exclude, maxFiles: 1 })).rejects.toMatchObject(refused("more than 1 files"));
    await expect(refusal({ exclude, maxBytes: 2 })).rejects.toMatchObject(refused("dir/b"));
    await expect(refusal({ exclude })).resolves.toMatchObject({ files: 2, bytes: 3 });
    execFileSync("sh", ["-c", "printf x > \"$(printf 'dir/\\377name')\""], { cwd: folder });
    await expect(refusal({ exclude })).rejects.toMatchObject({ code: "workspace_refused", message: /not UTF-8/ });
    gitIn(folder, "init");
    await expect(refusal({ exclude })).rejects.toMatchObject(refused("dir/ÿ"));
  });

  test("a file is read again only when it may have changed", async () => {
    await using scratch = new Scratch();
    const folder = scratch.project("p", { a: "one", b: "two", new: "new" });
    const cacheFile = scratch.path("cache", "digests.json");
    await longAgo(`${folder}/a`, `${folder}/b`);
    // The time of the last change of the name cannot be set back, so it has to be over.
    await expect.poll(() => Date.now() - statSync(`${folder}/b`).ctimeMs, { timeout: 5_000 }).toBeGreaterThan(200);
    await writeFile(`${folder}/new`, "new");
    const first = await snapshot(folder, { env, cacheFile });
    const known = JSON.parse(await readFile(cacheFile, "utf8")) as { files: Record<string, [string, string]> };
    expect(Object.keys(known.files).sort()).toEqual(["a", "b"]);
    // What is known is believed: a digest that could not come of reading shows it.
    const marked = "f".repeat(64);
    await writeFile(cacheFile, JSON.stringify({ files: { ...known.files, a: [known.files["a"]?.[0], marked] } }));
    const second = await snapshot(folder, { env, cacheFile });
    expect([...second.contents.keys()]).toContain(marked);
    // Same size, same times; but the inode tells.
    await writeFile(`${folder}/a2`, "eno");
    await longAgo(`${folder}/a2`);
    await rename(`${folder}/a2`, `${folder}/a`);
    const third = await snapshot(folder, { env, cacheFile });
    expect([...third.contents.keys()]).not.toContain(marked);
    expect(third.root).not.toBe(first.root);
    await writeFile(cacheFile, "{damaged");
    expect((await snapshot(folder, { env, cacheFile })).root).toBe(third.root);
  });
});

describe("shipping", () => {
  test("sends what is missing, folders after what is in them, and then only what changed", async () => {
    await using scratch = new Scratch();
    const files = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`d${index % 20}/e${index % 4}/f${index}`, `content ${index}`]),
    );
    const folder = scratch.project("p", { ...files, "same/f": "content 7", large: "x".repeat(3_000_000) });
    await chmod(`${folder}/large`, 0o755);
    await symlink("d1/e1", `${folder}/link`);
    const sink = new MemoryBlobs();
    const first = await ship(await snapshot(folder, { env }), sink);
    expect(first).toMatchObject({ files: 401 });
    const order = [...sink.blobs.keys()];
    for (const [sha256, bytes] of sink.blobs) {
      const text = new TextDecoder().decode(bytes);
      if (!text.startsWith('{"entries"')) continue;
      for (const entry of folderListing.parse(JSON.parse(text)).entries)
        if (entry.kind !== "link") expect(order.indexOf(entry.sha256)).toBeLessThan(order.indexOf(sha256));
    }
    const stored = sink.blobs.size;
    const same = await snapshot(folder, { env });
    expect(await ship(same, sink)).toEqual({ files: 0, bytes: 67 });
    const rootListing = folderListing.parse(JSON.parse(new TextDecoder().decode(sink.blobs.get(same.root))));
    expect(rootListing.entries.slice(-3)).toMatchObject([
      { kind: "file", name: "large", executable: true, size: 3_000_000 },
      { kind: "link", name: "link", target: "d1/e1" },
      { kind: "folder", name: "same" },
    ]);
    await appendFile(`${folder}/d3/e3/f3`, "!");
    const again = await ship(await snapshot(folder, { env }), sink);
    expect(again.files).toBe(1);
    expect(again.bytes).toBeLessThan(12_000);
    // The file and the three folders above it.
    expect(sink.blobs.size).toBe(stored + 4);
  });

  test("a file that changes meanwhile is read again, and named when it does not come to rest", async () => {
    await using scratch = new Scratch();
    const folder = scratch.project("p", { moving: "0", still: "s" });
    let changes = 1;
    class Late extends MemoryBlobs {
      override async missingBlobs(sha256s: readonly string[]): Promise<string[]> {
        if (changes > 0) await appendFile(`${folder}/moving`, "x");
        changes -= 1;
        return super.missingBlobs(sha256s);
      }
    }
    const sink = new Late();
    const shipped = await shipFolder(folder, sink, { env });
    expect([...sink.blobs.keys()]).toContain(shipped.root);
    expect(shipped).toMatchObject({ files: 2 });
    expect(readFileSync(`${folder}/moving`, "utf8")).toBe("0x");
    changes = Infinity;
    await expect(shipFolder(folder, new Late(), { env })).rejects.toMatchObject({
      code: "workspace_refused",
      message: "moving was changed while it was sent",
    });
    await mkdir(`${folder}/large`);
    await writeFile(`${folder}/moving`, "y".repeat(1_000_000));
    await expect(shipFolder(folder, new Late(), { env })).rejects.toMatchObject({
      message: expect.stringContaining("moving") as string,
    });
  });
});
