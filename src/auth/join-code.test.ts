import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { newJoinCode, readJoinCode } from "./join-code.ts";

test("a code is read back whatever it was typed like", () => {
  expect(readJoinCode(" 7k2qx omz4l ")).toBe("7K2QX-0MZ41");
  for (let count = 0; count < 200; count += 1) {
    const code = newJoinCode(randomBytes);
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
    expect(readJoinCode(code.toLowerCase().replace("-", ""))).toBe(code);
  }
});

test("every character of the alphabet comes of as many bytes", () => {
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const made = Array.from({ length: 25 }, (_, index) => newJoinCode(() => every.subarray(index * 10, index * 10 + 10)));
  const counts = Map.groupBy(made.join("").replaceAll("-", "").slice(0, 224), (character) => character);
  expect([...counts.values()].map(({ length }) => length)).toEqual(Array.from({ length: 32 }, () => 7));
});
