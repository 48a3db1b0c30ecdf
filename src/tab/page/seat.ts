import { z } from "zod";
import { systemClock } from "../../base/index.ts";
import { finishedItem, joinResponse } from "../../contracts/index.ts";
import type { JoinResponse } from "../../contracts/index.ts";
import { rememberingIn } from "../../worker/index.ts";
import type { CommandMemory, OutboxStore } from "../../worker/index.ts";
import { page } from "./browser.ts";

/** Which seat a tab had, over its reloads. */
const LAST_SEAT = "assay-seat";
/** The page before a reload may hold its lock a moment longer. */
const RELOAD_MS = 2_000;

/**
 * What one worker of this browser keeps over the life of its page: who it is, results without an answer, commands. A lock keeps two tabs
 * from taking the same.
 */
export class Seat {
  private readonly number: number;

  private constructor(number: number) {
    this.number = number;
  }

  /** The one that this tab had before, or the first that is free. */
  static async take(): Promise<Seat> {
    const last = Number(page.sessionStorage.getItem(LAST_SEAT) ?? Number.NaN);
    if (Number.isInteger(last) && (await locked(last, { signal: AbortSignal.timeout(RELOAD_MS) })))
      return new Seat(last);
    let number = 0;
    while (!(await locked(number, { ifAvailable: true }))) number += 1;
    page.sessionStorage.setItem(LAST_SEAT, String(number));
    return new Seat(number);
  }

  /** Who the worker of this seat is; null for nobody, or nobody any more. */
  get identity(): JoinResponse | null {
    const known = joinResponse.safeParse(this.read("identity")).data;
    return known !== undefined && Date.parse(known.expires_at) > systemClock.nowMs() ? known : null;
  }

  /** Takes another identity: what an older one left is of no use to it. */
  settle(identity: JoinResponse): void {
    this.clear();
    this.write("identity", identity);
  }

  /** Forgets everything. */
  clear(): void {
    for (const name of ["identity", "outbox", "commands"]) page.localStorage.removeItem(this.key(name));
  }

  outbox(): OutboxStore {
    const known = z.array(finishedItem).safeParse(this.read("outbox")).data ?? [];
    const items = new Map(known.map((item) => [item.lease_seq, item]));
    return {
      load: () => [...items.values()],
      write: ({ put, remove }) => {
        for (const item of put) items.set(item.lease_seq, item);
        for (const leaseSeq of remove) items.delete(leaseSeq);
        this.write("outbox", [...items.values()]);
      },
      outlast: () => undefined,
      close: () => undefined,
    };
  }

  commands(): CommandMemory {
    return rememberingIn(this.read("commands"), async (text) => page.localStorage.setItem(this.key("commands"), text));
  }

  private key(name: string): string {
    return `assay-${this.number}-${name}`;
  }

  /** Written here, by this version or another; null when there is nothing that can be read. */
  private read(name: string): unknown {
    try {
      return JSON.parse(page.localStorage.getItem(this.key(name)) ?? "null");
    } catch {
      return null;
    }
  }

  private write(name: string, value: unknown): void {
    page.localStorage.setItem(this.key(name), JSON.stringify(value));
  }
}

/** Takes the lock of a seat until the page ends; false when another page has it. */
function locked(seat: number, how: { ifAvailable: true } | { signal: AbortSignal }): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const held = page.navigator.locks.request(`assay-seat-${seat}`, how, (lock) => {
    resolve(lock !== null);
    return lock === null ? Promise.resolve() : new Promise<void>(() => undefined);
  });
  held.catch(() => resolve(false));
  return promise;
}
