import { describe, expect, test } from "vitest";
import { words } from "./words.js";

let tries = 0;

describe("words", () => {
  test("are what is between spaces", () => {
    expect(words(" one  two ")).toEqual(["one", "two"]);
  });

  test("may be any 🐞 characters,\non several lines", () => {
    expect(words("🐞\nß")).toHaveLength(2);
  });

  test("are told from signs, which fails", () => {
    expect(words("one, two")).toEqual(["one", "two"]);
  });

  test("are steady in the end", { retry: 2 }, () => {
    tries += 1;
    expect(tries).toBe(3);
  });

  test.skip("are counted", () => {});
});
