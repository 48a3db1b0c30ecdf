import { describe, expect, test } from "vitest";
import { closeReasons } from "../../contracts/index.ts";
import type { CloseReason } from "../../contracts/index.ts";
import { MAX_CLOSE_TEXT_BYTES } from "../limits.ts";
import { closeText, sessionEnd } from "./session-end.ts";

describe("sessionEnd", () => {
  test("knows every close code of the protocol", () => {
    for (const reason of Object.keys(closeReasons) as CloseReason[]) {
      expect(sessionEnd(closeReasons[reason].code, "text")).toEqual({ reason, message: "text" });
    }
  });

  test.each([
    [1005, "", "normal"],
    [1002, "Invalid WebSocket frame", "bad_frame"],
    [1007, "", "bad_frame"],
    [1006, "", "connection_lost"],
    [3999, "odd", "connection_lost"],
  ])("takes %i for what it means", (code, text, reason) => {
    expect(sessionEnd(code, text)).toEqual({ reason, message: expect.stringMatching(/./) as string });
  });
});

describe("closeText", () => {
  test("cuts between characters, so that what is left fits a close frame", () => {
    expect(closeText("short")).toBe("short");
    expect(closeText("x".repeat(500))).toBe("x".repeat(MAX_CLOSE_TEXT_BYTES));
    expect(closeText(`${"x".repeat(MAX_CLOSE_TEXT_BYTES - 2)}€`)).toBe("x".repeat(MAX_CLOSE_TEXT_BYTES - 2));
    expect(Buffer.byteLength(closeText("😀".repeat(100)))).toBe(120);
  });
});
