import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-secret-"));
  path = join(folder, "admin-token");
});
afterEach(() => rm(folder, { recursive: true }));

describe("secret file", () => {
  test("comes back as written, readable by its owner only, and leaves nothing beside it", async () => {
    const umask = process.umask(0);
    try {
      await writeSecretFile(path, "first");
      await writeSecretFile(path, "second");
    } finally {
      process.umask(umask);
    }
    expect(await readSecretFile(path, "linux")).toBe("second");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["admin-token"]);
  });

  test("replaces what a crash left half written, whatever its mode", async () => {
    await writeFile(`${path}.new`, "half", { mode: 0o666 });
    await writeSecretFile(path, "whole");
    expect(await readSecretFile(path, "linux")).toBe("whole");
  });

  test("is null when there is none", async () => {
    expect(await readSecretFile(path, "linux")).toBeNull();
  });

  test.each([0o640, 0o604, 0o660, 0o610])("is refused with mode %o", async (mode) => {
    await writeSecretFile(path, "seen");
    await chmod(path, mode);
    await expect(readSecretFile(path, "linux")).rejects.toMatchObject({
      code: "forbidden",
      message: expect.stringContaining(path),
      next: expect.stringContaining(`chmod 600 ${path}`),
    });
    expect(await readSecretFile(path, "win32")).toBe("seen");
  });
});
