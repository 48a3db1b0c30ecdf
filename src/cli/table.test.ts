import { describe, expect, it } from "vitest";
import { paint } from "./style.ts";
import { displayWidth, renderTable } from "./table.ts";

const style = { colour: false, unicode: true };
const coloured = { colour: true, unicode: true };

describe("renderTable", () => {
  const columns = [{ header: "NAME" }, { header: "MS", align: "right" }, { header: "NOTE" }] as const;

  it("aligns columns by what is seen, not by what is written", () => {
    const rows = [
      ["a", "1.5", "first"],
      ["日本", "120", ""],
      [paint(coloured, "red", "bad"), "9", "x"],
    ];
    expect(renderTable(columns, rows, { style })).toEqual([
      "NAME   MS  NOTE",
      "a     1.5  first",
      "日本  120",
      "\u001B[31mbad\u001B[39m     9  x",
    ]);
  });

  it("cuts what a terminal would wrap", () => {
    const [, line = ""] = renderTable(columns, [["a", "1", "a long remark"]], { style, width: 16 });
    expect(line).toBe("a      1  a lon…");
    expect(displayWidth(line)).toBe(16);
  });
});
