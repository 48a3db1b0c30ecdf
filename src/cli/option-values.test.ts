import { describe, expect, it } from "vitest";
import { duration, httpUrl, idList, idText, keyValue, numberList, price, wholeNumber } from "./option-values.ts";

describe("option values", () => {
  it("read durations", () => {
    expect(["500ms", "30s", "1.5", "5m", "12h", "30d"].map(duration)).toEqual([
      500, 30_000, 1_500, 300_000, 43_200_000, 2_592_000_000,
    ]);
    for (const wrong of ["", "0s", "-1s", "5 m", "5y", "1e3"])
      expect(() => duration(wrong), wrong).toThrow("time like");
  });

  it("read whole numbers within their bounds", () => {
    expect(wholeNumber(0, 65_535)("7777")).toBe(7777);
    for (const wrong of ["70000", "-1", "1.5", "0x10", ""])
      expect(() => wholeNumber(0, 65_535)(wrong), wrong).toThrow("whole number");
  });

  it("collect repeated and comma-separated values", () => {
    expect(numberList("2,4", numberList("1", undefined))).toEqual([1, 2, 4]);
    expect(() => numberList("1,,2", undefined)).toThrow("whole number");
    expect(keyValue("zone=a=b", keyValue("rack=1", undefined))).toEqual({ rack: "1", zone: "a=b" });
    expect(() => keyValue("=x", undefined)).toThrow("key=value");
  });

  it("collect names", () => {
    expect(idList("gpu", idList("nightly", idList("gpu", undefined)))).toEqual(["gpu", "nightly"]);
    expect(() => idText("no spaces")).toThrow("must start with a letter or digit");
    expect(() => idText("")).toThrow();
  });

  it("read prices", () => {
    expect(price("0.35")).toEqual({ amount: 0.35, currency: "USD" });
    expect(["0EUR", "1000000 JPY"].map(price)).toEqual([
      { amount: 0, currency: "EUR" },
      { amount: 1_000_000, currency: "JPY" },
    ]);
    for (const wrong of ["", "-1", "NaN", "Infinity", "1e9", "1000001", "0,35", "EUR", "1 euro", "1USDT"])
      expect(() => price(wrong), wrong).toThrow("an amount from 0 to 1000000");
  });

  it("read addresses with or without a scheme", () => {
    expect(httpUrl("host:7777")).toBe("http://host:7777");
    expect(httpUrl("https://host:7777/")).toBe("https://host:7777");
    for (const wrong of ["ftp://host", "http://", "a b"]) expect(() => httpUrl(wrong), wrong).toThrow("address like");
  });
});
