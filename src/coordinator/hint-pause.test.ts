import { expect, test } from "vitest";
import { manualClock } from "../base/index.ts";
import { HintPause } from "./hint-pause.ts";

function start(): { clock: ReturnType<typeof manualClock>; pause: HintPause; sent: number[] } {
  const clock = manualClock();
  const sent: number[] = [];
  return { clock, pause: new HintPause(clock, (batchSeq) => sent.push(batchSeq)), sent };
}

test("many commits make one hint, whose time is that of the first", () => {
  const { clock, pause, sent } = start();
  pause.committed(1);
  clock.advance(40);
  pause.committed(2);
  pause.committed(3);
  expect(sent).toEqual([]);
  clock.advance(10);
  expect(sent).toEqual([3]);
  pause.committed(4);
  clock.advance(50);
  expect(sent).toEqual([3, 4]);
});

test("a question ends the pause, and nothing is told twice", () => {
  const { clock, pause, sent } = start();
  pause.end();
  pause.committed(1);
  pause.end();
  pause.end();
  clock.advance(1_000);
  expect(sent).toEqual([1]);
});
