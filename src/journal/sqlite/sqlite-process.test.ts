import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { seededRng } from "../../base/index.ts";
import { batchAfter } from "../acceptance.ts";
import { assertChain, emptyTail } from "../batch.ts";
import { verifyJournal } from "../verify.ts";
import { openSqliteJournal } from "./sqlite-journal.ts";
import { SqliteStore, type WritePoint } from "./sqlite-store.ts";

const PROGRAM = fileURLToPath(new URL("./crash-child.ts", import.meta.url));
const NOBODY = 65_534;

/** Set-up for commands: a shell text around `$@`, or another user. */
interface Surroundings {
  shell?: string;
  uid?: number;
}

/** What the test program says, one object for each line. */
interface Line {
  acked?: number;
  kind?: string;
  logBytes?: number;
  code?: string;
  message?: string;
  opened?: boolean;
  reopened?: number;
  after?: number;
  stillReadable?: number;
}

let root: string;
let folder: string;
const children: Child[] = [];

class Child {
  readonly lines: AsyncIterator<Line>;
  private readonly process: ChildProcessByStdio<null, Readable, null>;
  private readonly exit: Promise<unknown[]>;

  constructor(args: string[], around: Surroundings = {}) {
    const command = [process.execPath, PROGRAM, ...args];
    const [file, ...rest] = around.shell === undefined ? command : ["sh", "-c", around.shell, "sh", ...command];
    const identity = around.uid === undefined ? {} : { uid: around.uid, gid: around.uid };
    this.process = spawn(file!, rest, { stdio: ["ignore", "pipe", "inherit"], ...identity });
    this.exit = once(this.process, "exit");
    this.lines = parse(this.process.stdout);
    children.push(this);
  }

  async next(): Promise<Line> {
    return (await this.lines.next()).value ?? {};
  }

  async rest(): Promise<Line[]> {
    const lines: Line[] = [];
    for (let line = await this.lines.next(); line.done !== true; line = await this.lines.next()) lines.push(line.value);
    return lines;
  }

  /** Settles when the process is gone, with the signal that ended it. */
  async ended(): Promise<unknown> {
    return (await this.exit)[1];
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.exit;
  }
}

async function* parse(output: Readable): AsyncGenerator<Line, void> {
  for await (const line of createInterface({ input: output })) yield JSON.parse(line) as Line;
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "assay-crash-"));
  folder = join(root, "data");
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
  rmSync(root, { recursive: true });
});

/** Opens what a crash left, checks the whole chain, and that it can go on. The number of batches found. */
function recover(path: string): number {
  const store = new SqliteStore(path);
  try {
    const { seq } = store.tail();
    const batches = store.read({ fromSeq: 1, limit: 1_000_000 });
    assertChain(batches, emptyTail());
    expect(batches.length).toBe(seq);
    expect(store.append(batchAfter(store.tail(), { nonce: "recovered" }))).toEqual({ kind: "committed" });
    expect(store.read({ fromSeq: seq + 1, limit: 10 })).toHaveLength(1);
    return seq;
  } finally {
    store.close();
  }
}

describe("a crash", () => {
  const points: WritePoint[] = ["before_write", "before_commit", "after_commit"];
  const cases = points.flatMap((point) => [1, 2, 9].map((seq): [WritePoint, number] => [point, seq]));

  test.each(cases)("%s of batch %d loses nothing that was acknowledged", async (point, seq) => {
    const child = new Child(["crash", folder, point, `${seq}`]);
    const acks = await child.rest();
    expect(await child.ended()).toBe("SIGKILL");
    expect(acks).toEqual(
      Array.from({ length: seq - 1 }, (_, index) => expect.objectContaining({ acked: index + 1, kind: "committed" })),
    );
    expect(recover(folder)).toBe(point === "after_commit" ? seq : seq - 1);
  });

  test("of a leader under load, in the middle of anything, five times over", async () => {
    let acked = 0;
    for (const count of [1, 5, 40, 300, 77]) {
      const child = new Child(["lead", folder, "20000"]);
      const wanted = acked + count;
      while (acked < wanted) acked = (await child.next()).acked ?? Number.NaN;
      await child.kill();
      for (const line of await child.rest()) acked = line.acked ?? acked;
      const found = recover(folder);
      expect(found).toBeGreaterThanOrEqual(acked);
      // Beyond what was acknowledged: at most the two in flight, and two whose acknowledgement did not get out.
      expect(found).toBeLessThanOrEqual(acked + 4);
      acked = found + 1;
    }
  });
});

describe("a write-ahead log cut short", () => {
  test("keeps all that was acknowledged before the cut, and nothing of what was torn", async () => {
    const child = new Child(["crash", folder, "after_commit", "14"]);
    const acks = await child.rest();
    await child.ended();
    const database = join(folder, "journal.sqlite");
    const log = readFileSync(`${database}-wal`);
    const copy = join(root, "copy");
    for (const cut of cuts(
      log.length,
      acks.map(({ logBytes }) => logBytes ?? 0),
    )) {
      mkdirSync(copy);
      copyFileSync(database, join(copy, "journal.sqlite"));
      writeFileSync(join(copy, "journal.sqlite-wal"), log.subarray(0, cut));
      const whole = acks.filter(({ logBytes }) => (logBytes ?? Infinity) <= cut).length;
      const found = recover(copy);
      expect(found, `cut at byte ${cut}`).toBe(cut >= log.length ? 14 : whole);
      rmSync(copy, { recursive: true });
    }
  });

  /** The end of every batch, one byte before and after it, both ends of the file, and places anywhere. */
  function cuts(length: number, ends: number[]): number[] {
    const rng = seededRng(20_261);
    const anywhere = Array.from({ length: 20 }, () => rng.below(length));
    const near = ends.flatMap((end) => [end - 1, end, end + 1]);
    return [...new Set([0, 1, 31, 32, 33, length - 1, length, ...near, ...anywhere])];
  }
});

describe("the lock of the folder", () => {
  test("keeps a leader of another process out, says who holds it, and is gone with its process", async () => {
    const holder = new Child(["hold", folder]);
    expect(await holder.next()).toEqual({ opened: true });
    const { pid } = JSON.parse(readFileSync(join(folder, "lock.json"), "utf8")) as { pid: number };
    await expect(openSqliteJournal({ folder })).rejects.toMatchObject({
      code: "data_dir_locked",
      message: expect.stringContaining(`process ${pid} on `),
    });
    const rival = new Child(["hold", folder]);
    expect(await rival.next()).toMatchObject({
      code: "data_dir_locked",
      message: expect.stringContaining(`process ${pid} on `),
    });
    await holder.kill();
    const journal = await openSqliteJournal({ folder });
    expect(JSON.parse(readFileSync(join(folder, "lock.json"), "utf8"))).toMatchObject({ pid: process.pid });
    await journal.close();
  });
});

describe("a folder that cannot be written", () => {
  const reason = process.platform === "win32" ? "Windows has no read-only folders" : unreadableReason();
  if (reason !== undefined) console.log(`skipped: read-only folder: ${reason}`);

  test.skipIf(reason !== undefined)("is refused as read-only, with data in it or without", async () => {
    mkdirSync(folder);
    chmodSync(root, 0o755);
    for (const withData of [false, true]) {
      chmodSync(folder, 0o755);
      if (withData) recover(folder);
      chmodSync(folder, 0o555);
      const child = new Child(["hold", folder], process.getuid?.() === 0 ? { uid: NOBODY } : {});
      expect(await child.next()).toMatchObject({
        code: "data_dir_read_only",
        message: expect.stringContaining(folder),
      });
      await child.ended();
    }
    chmodSync(folder, 0o755);
  });

  /** Root may write anywhere, so it must be able to start the program as somebody else. */
  function unreadableReason(): string | undefined {
    if (process.getuid?.() !== 0) return undefined;
    const { status } = spawnSync(process.execPath, ["--check", PROGRAM], { uid: NOBODY, gid: NOBODY });
    return status === 0 ? undefined : "this is root, and another user cannot read the sources";
  }
});

describe("a full disk", () => {
  const reason = mountReason();
  if (reason !== undefined) console.log(`skipped: full disk: ${reason}`);

  test.skipIf(reason !== undefined)(
    "refuses the append, keeps what was acknowledged, and goes on when there is room",
    async () => {
      const shell = `exec unshare -rm sh -c 'mount -t tmpfs -o size=2m none "${root}" && head -c 800000 /dev/zero > "${root}/ballast" && exec "$@"' sh "$@"`;
      const child = new Child(["fill", folder], { shell });
      const full = await child.next();
      expect(full).toMatchObject({ code: "disk_full", message: expect.stringContaining("cannot be written") });
      expect(full.acked).toBeGreaterThan(10);
      expect(full.stillReadable).toBe(full.acked);
      expect(await child.next()).toEqual({ reopened: full.acked, after: (full.acked ?? 0) + 1 });
      await child.ended();
    },
  );

  function mountReason(): string | undefined {
    const probe = spawnSync("unshare", ["-rm", "sh", "-c", 'mount -t tmpfs -o size=1m none "$1"', "sh", tmpdir()]);
    return probe.status === 0
      ? undefined
      : "a small file system cannot be mounted here (needs Linux with user namespaces)";
  }
});

describe("a write that fails half-way", () => {
  const reason = process.platform === "win32" ? "Windows has no limit on the size of files" : undefined;
  if (reason !== undefined) console.log(`skipped: limited file: ${reason}`);

  test.skipIf(reason !== undefined)(
    "ends leadership as unavailable, and loses nothing that was acknowledged",
    async () => {
      // Blocks of 512 bytes: the write-ahead log may not pass 200 KB, so a write stops in the middle of a batch.
      const child = new Child(["fill", folder], { shell: `trap '' XFSZ; ulimit -f 400; exec "$@"` });
      const failed = await child.next();
      expect(failed).toMatchObject({ code: "journal_unavailable" });
      expect(failed.acked).toBeGreaterThan(5);
      expect(failed.stillReadable).toBe(failed.acked);
      await child.kill();
      expect(recover(folder)).toBeGreaterThanOrEqual(failed.acked ?? Infinity);
      await verified(folder);
    },
  );

  async function verified(path: string): Promise<void> {
    const journal = await openSqliteJournal({ folder: path });
    await verifyJournal(journal);
    await journal.close();
  }
});
