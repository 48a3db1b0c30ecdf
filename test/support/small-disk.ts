import { spawnSync } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** A folder with a small file system of its own, so that it can be filled. */
export class SmallDisk implements Disposable {
  /** Why there is no such file system, only the folder; null when there is. */
  readonly problem: string | null;
  private readonly folder: string;

  static async mount(folder: string, size: string): Promise<SmallDisk> {
    await mkdir(folder);
    const options = ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder];
    const { status, stderr } = spawnSync("mount", options, { encoding: "utf8" });
    const problem = status === 0 ? null : `a small file system cannot be mounted: ${(stderr ?? "").trim()}`;
    return new SmallDisk(folder, problem);
  }

  private constructor(folder: string, problem: string | null) {
    this.folder = folder;
    this.problem = problem;
  }

  /** Leaves no room for anything more. */
  fill(): void {
    spawnSync("dd", ["if=/dev/zero", `of=${this.filler}`, "bs=1M"]);
  }

  async makeRoom(): Promise<void> {
    await rm(this.filler, { force: true });
  }

  [Symbol.dispose](): void {
    if (this.problem === null) spawnSync("umount", ["-l", this.folder]);
  }

  private get filler(): string {
    return join(this.folder, "filler");
  }
}
