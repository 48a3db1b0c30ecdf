import { beforeEach, expect, test, vi } from "vitest";
import { resultDocument } from "../../contracts/index.ts";
import { Seat } from "./seat.ts";

const stored = new Map<string, string>();
const storage = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
  removeItem: (key: string) => void stored.delete(key),
};

beforeEach(() => {
  stored.clear();
  vi.stubGlobal("localStorage", storage);
  vi.stubGlobal("sessionStorage", storage);
  const request = (_name: string, _how: object, held: (lock: object) => Promise<void>): Promise<void> => held({});
  vi.stubGlobal("navigator", { locks: { request } });
  return () => vi.unstubAllGlobals();
});

const HOUR_MS = 3_600_000;
const identity = (workerId: string, goodForMs = HOUR_MS): Parameters<Seat["settle"]>[0] => ({
  ...{ token: `token of ${workerId}`, worker_id: workerId, name: "phone", pool: "tabs" },
  expires_at: new Date(Date.now() + goodForMs).toISOString(),
});
const finished = {
  ...{ lease_seq: 7, run_id: "r", attempt: 1, started_at_ms: 1, finished_at_ms: 2 },
  result: resultDocument.parse({ task_id: "t", worker_id: "tab-1", status: "completed", execution_time_seconds: 1 }),
};

test("a seat is kept over reloads: who it was, results, commands", async () => {
  const seat = await Seat.take();
  expect(seat.identity).toBeNull();
  seat.settle(identity("tab-1"));
  seat.outbox().write({ put: [finished], remove: [] });
  await seat.commands().put({ command_id: "c", action: "drain", version: null, state: "done", message: "" });
  const later = await Seat.take();
  expect(later.identity?.worker_id).toBe("tab-1");
  expect(later.outbox().load()).toMatchObject([finished]);
  expect(later.commands().get("c")).toMatchObject({ state: "done" });
});

test("another identity finds nothing of an older one, and one that is over is nobody", async () => {
  const seat = await Seat.take();
  seat.settle(identity("tab-1"));
  seat.outbox().write({ put: [finished], remove: [] });
  seat.settle(identity("tab-2", -1));
  expect(seat.outbox().load()).toEqual([]);
  expect(seat.identity).toBeNull();
});

test.each(["{", "[]", '{"lease_seq":1}', "[null]", "7"])("what is stored as %s is nothing", async (text) => {
  const seat = await Seat.take();
  for (const name of ["identity", "outbox", "commands"]) stored.set(`assay-0-${name}`, text);
  expect(seat.identity).toBeNull();
  expect(seat.outbox().load()).toEqual([]);
  expect(seat.commands().get("c")).toBeUndefined();
});
