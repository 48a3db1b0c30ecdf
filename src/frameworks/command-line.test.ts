import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { fittingParts, shellWord } from "./command-line.ts";

test.skipIf(process.platform === "win32")("a shell gives words back as they were (POSIX only)", () => {
  const words = ["plain-1.x", "", "two words", "it's", '$HOME `id` \\ "', "a\nb", "\u{1F41E}"];
  const line = `printf '%s\\0' ${words.map(shellWord).join(" ")}`;
  expect(execFileSync("/bin/sh", ["-c", line], { encoding: "utf8" }).split("\0").slice(0, -1)).toEqual(words);
});

test("parts keep the order and the room; what is too large stands alone", () => {
  const parts = (most: number): string[][] =>
    fittingParts(["a", "bb", "ccccc", "d", "e", "f"], { most, sizeOf: ({ length }) => length });
  expect(parts(3)).toEqual([["a", "bb"], ["ccccc"], ["d", "e", "f"]]);
  expect(parts(100)).toEqual([["a", "bb", "ccccc", "d", "e", "f"]]);
  expect(fittingParts([], { most: 1, sizeOf: () => 1 })).toEqual([]);
});
