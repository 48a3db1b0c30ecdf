// A test program: a process that uses the sqlite journal until it is killed. One JSON object per line on standard output.
import { existsSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

import { asWorkerId, errorCode, errorMessage, systemClock } from "../../base/index.ts";
import type { JournalEvent } from "../../contracts/index.ts";
import { sealBatch, tailAfter } from "../batch.ts";
import { encodeEvents } from "../event-codec.ts";
import { JournalWriter } from "../journal-writer.ts";
import { verifyJournal } from "../verify.ts";
import { openSqliteJournal } from "./sqlite-journal.ts";
import { SqliteStore, type WritePoint } from "./sqlite-store.ts";

const [mode, folder = "", ...rest] = process.argv.slice(2);

switch (mode) {
  case "crash":
    crashAt(rest[0] as WritePoint, Number(rest[1]));
    break;
  case "hold":
    await hold();
    break;
  case "lead":
    await leadForever(Number(rest[0]));
    break;
  case "fill":
    await fillUp(join(folder, "..", "ballast"));
    break;
  default:
    throw new Error(`unknown mode ${mode}`);
}

/** Appends batches and kills itself at `point` of batch `lastSeq`. Says after each how long the write-ahead log is. */
function crashAt(point: WritePoint, lastSeq: number): void {
  let tail = { seq: 0 };
  const store = new SqliteStore(folder, (now) => {
    if (now === point && tail.seq + 1 === lastSeq) process.kill(process.pid, "SIGKILL");
  });
  const log = join(folder, "journal.sqlite-wal");
  for (tail = store.tail(); ;) {
    const before = store.tail();
    // From far less than a page to many pages.
    const events = encodeEvents([event("x".repeat((before.seq * 7919) % 30_000))]);
    const batch = sealBatch(before, { epoch: 1, batchId: `crash:${before.seq + 1}`, timeMs: 1, eventCount: 1, events });
    const { kind } = store.append(batch);
    tail = tailAfter(batch);
    say({ acked: tail.seq, kind, logBytes: statSync(log).size });
  }
}

/** Opens the journal and keeps it until it is killed. */
async function hold(): Promise<void> {
  try {
    await openSqliteJournal({ folder });
    say({ opened: true });
  } catch (error) {
    say({ code: errorCode(error), message: errorMessage(error) });
  }
}

/** A leader under load: two batches in flight, until it is killed. */
async function leadForever(textLength: number): Promise<void> {
  const journal = await openSqliteJournal({ folder });
  const writer = await claim(journal);
  for (let seq = (await journal.open()).seq + 1; ; seq += 1) {
    await writer.ready();
    const mine = seq;
    void writer.append([event("y".repeat(textLength))], 1).then(() => say({ acked: mine }));
  }
}

/** Appends until the disk is full, then makes room by removing the ballast, and goes on. */
async function fillUp(ballast: string): Promise<void> {
  const journal = await openSqliteJournal({ folder });
  const writer = await claim(journal);
  let acked = 1;
  try {
    for (;;) {
      await writer.append([event("z".repeat(10_000))], 1);
      acked += 1;
    }
  } catch (error) {
    say({
      acked,
      code: errorCode(error),
      message: errorMessage(error),
      stillReadable: (await verifyJournal(journal)).batches,
    });
  }
  await journal.close();
  if (existsSync(ballast)) rmSync(ballast);
  const again = await openSqliteJournal({ folder });
  const { batches } = await verifyJournal(again);
  await claim(again);
  say({ reopened: batches, after: (await verifyJournal(again)).batches });
  await again.close();
}

async function claim(journal: Awaited<ReturnType<typeof openSqliteJournal>>): Promise<JournalWriter> {
  const tail = await journal.open();
  const writer = new JournalWriter({
    journal,
    tail,
    holderNonce: `p${process.pid}`,
    clock: systemClock,
    onLost: () => {},
  });
  await writer.claim([event("claim")], 1);
  return writer;
}

function event(reason: string): JournalEvent {
  return { type: "worker_left", workerId: asWorkerId("w-1"), reason };
}

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}
