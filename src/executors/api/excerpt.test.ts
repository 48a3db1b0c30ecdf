import { expect, test } from "vitest";
import { excerpts } from "./excerpt.ts";

const secret = `${"k".repeat(3)}-"quoted"-${"0123456789".repeat(150)}`;
const excerpt = excerpts({ ASSAY_SECRET_A: secret, ASSAY_SECRET_B: "quoted" });

test("quotes what can be printed, and not too much of it", () => {
  expect(excerpt("plain é🙂")).toBe("plain é🙂");
  expect(excerpt("a\u0000b\u001b[31m\n\u202e\ud800")).toBe("a\\x00b\\x1b[31m\\x0a\\x202e\ufffd");
  expect(excerpt("x".repeat(300))).toBe(`${"x".repeat(200)}…`);
});

test("hides a secret, its form in JSON, one within another, and what is left of one where a text was cut", () => {
  expect(excerpt(`1 ${secret} 2`)).toBe("1 [ASSAY_SECRET_A] 2");
  expect(excerpt(JSON.stringify({ key: secret }))).toBe('{"key":"[ASSAY_SECRET_A]"}');
  expect(excerpt("not quoted")).toBe("not [ASSAY_SECRET_B]");
  for (const length of [3, 10, 1_000, secret.length - 1]) {
    expect(excerpt(`said ${secret.slice(0, length)}`), `${length} characters`).toBe("said [ASSAY_SECRET_A]");
  }
});
