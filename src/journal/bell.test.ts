import { getEventListeners } from "node:events";

import { expect, test } from "vitest";

import { systemClock } from "../base/index.ts";
import { Bell } from "./bell.ts";

test("a ring wakes everybody who waits", async () => {
  const bell = new Bell();
  const { signal } = new AbortController();
  const waits = [bell.wait(0, signal), bell.wait(0, signal)];
  bell.ring();
  await Promise.all(waits);
  expect(bell.rings).toBe(1);
});

test("a ring between looking and waiting is not missed", async () => {
  const bell = new Bell();
  const seen = bell.rings;
  bell.ring();
  await bell.wait(seen, new AbortController().signal);
});

test("an abort, before or while waiting, and the poll interval end the waiting too", async () => {
  const bell = new Bell();
  const stop = new AbortController();
  const wait = bell.wait(0, stop.signal);
  stop.abort();
  await wait;
  await bell.wait(0, stop.signal);
  await bell.wait(0, new AbortController().signal, { clock: systemClock, everyMs: 1 });
});

test("nothing is left on a signal that lives long", async () => {
  const bell = new Bell();
  const { signal } = new AbortController();
  const wait = bell.wait(0, signal);
  bell.ring();
  await wait;
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
