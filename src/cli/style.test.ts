import { describe, expect, it } from "vitest";
import { harmless, paint, plain, styleOf } from "./style.ts";

const look = (isTTY: boolean, env: Record<string, string>, platform = "linux") => styleOf({ isTTY }, { env, platform });

describe("styleOf", () => {
  it("colours a terminal, not a pipe", () => {
    expect(look(true, {}).colour).toBe(true);
    expect(look(false, {}).colour).toBe(false);
  });

  it("obeys NO_COLOR, FORCE_COLOR and TERM=dumb", () => {
    expect(look(true, { NO_COLOR: "1" }).colour).toBe(false);
    expect(look(true, { NO_COLOR: "" }).colour).toBe(true);
    expect(look(false, { FORCE_COLOR: "1" }).colour).toBe(true);
    expect(look(false, { FORCE_COLOR: "1", NO_COLOR: "1" }).colour).toBe(true);
    expect(look(true, { FORCE_COLOR: "0" }).colour).toBe(false);
    expect(look(true, { TERM: "dumb" }).colour).toBe(false);
  });

  it("uses signs beyond ASCII only where the locale is UTF-8", () => {
    expect(look(true, { LANG: "en_US.UTF-8" }).unicode).toBe(true);
    expect(look(true, { LANG: "C.utf8" }).unicode).toBe(true);
    expect(look(true, { LANG: "en_US.UTF-8", LC_ALL: "C" }).unicode).toBe(false);
    expect(look(true, { LANG: "en_US.UTF-8", LC_ALL: "" }).unicode).toBe(true);
    expect(look(true, {}).unicode).toBe(false);
    expect(look(true, {}, "darwin").unicode).toBe(true);
    expect(look(true, { TERM: "dumb" }, "darwin").unicode).toBe(false);
  });
});

describe("text", () => {
  it("is painted only with colour", () => {
    expect(paint({ colour: true, unicode: true }, "red", "no")).toBe("\u001B[31mno\u001B[39m");
    expect(paint({ colour: false, unicode: true }, "red", "no")).toBe("no");
  });

  it("loses its signs where the terminal has none", () => {
    expect(plain({ colour: false, unicode: false }, "✓ a → b × 2 …")).toBe("+ a -> b x 2 ...");
  });

  it("cannot steer the terminal", () => {
    expect(harmless("a\u001B[2Jb\nc\u202Ed\u0007")).toBe("a [2Jb c d ");
  });
});
