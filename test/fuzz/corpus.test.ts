import { expect, test } from "vitest";
import { seededRng } from "../../src/base/index.ts";
import { Corpus } from "./corpus.ts";

test("every frame of the wanted type is drawn sooner or later, and none of another", () => {
  const corpus = new Corpus(200, 1);
  const rng = seededRng(1);
  const drawn = new Set(Array.from({ length: 2_000 }, () => JSON.stringify(corpus.draw(rng, "finished"))));
  const finished = corpus.frames.filter(({ type }) => type === "finished").map((frame) => JSON.stringify(frame));
  expect(finished.length).toBeGreaterThan(5);
  expect(drawn).toEqual(new Set(finished));
});
