import { describe, expect, it } from "vitest";
import { AssayError } from "../base/index.ts";
import { asAssayError, errorDocument, errorLines } from "./error-text.ts";

const plain = { style: { colour: false, unicode: true }, debug: false };

function suiteError(others: unknown[]): AssayError {
  return new AssayError("unknown_field", {
    message: "tasks[0].comand is not a field of tasks[0]",
    next: "Remove it.",
    details: { path: "tasks[0].comand", file: "a.yaml", line: 4, column: 5, others },
  });
}

describe("errorLines", () => {
  it("says what, where and what next", () => {
    expect(errorLines(suiteError([{ message: "tasks[0].config is missing", line: 2 }]), plain)).toEqual([
      "error unknown_field: tasks[0].comand is not a field of tasks[0]",
      "  at a.yaml:4:5",
      "  also line 2: tasks[0].config is missing",
      "  next: Remove it.",
    ]);
  });

  it("stays on one screen", () => {
    const others = Array.from({ length: 19 }, (_, index) => ({ message: `m${index}` }));
    const lines = errorLines(suiteError(others), plain);
    expect(lines).toHaveLength(12);
    expect(lines.at(-2)).toBe("  and 11 more");
  });

  it("names the path when there is no file, and shows no stack unless asked", () => {
    const error = new AssayError("not_found", {
      message: "no\u001B[2J run",
      next: "Look.",
      details: { path: "run_id" },
    });
    expect(errorLines(error, plain)).toEqual(["error not_found: no [2J run", "  at run_id", "  next: Look."]);
    expect(errorLines(error, { ...plain, debug: true }).join("\n")).toContain("error-text.test.ts");
  });
});

describe("asAssayError", () => {
  it("gives unforeseen errors a code", () => {
    expect(asAssayError(new TypeError("x is undefined"))).toMatchObject({
      code: "internal",
      message: "x is undefined",
    });
    expect(asAssayError(Object.assign(new Error("full"), { code: "ENOSPC" })).code).toBe("disk_full");
  });
});

describe("errorDocument", () => {
  it("has the place as fields", () => {
    expect(errorDocument(suiteError([{ message: "m", line: 2, path: "p" }]))).toEqual({
      code: "unknown_field",
      message: "tasks[0].comand is not a field of tasks[0]",
      next: "Remove it.",
      path: "tasks[0].comand",
      file: "a.yaml",
      line: 4,
      column: 5,
      others: [{ message: "m", line: 2, path: "p" }],
    });
  });
});
