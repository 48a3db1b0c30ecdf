import { expect, test } from "vitest";
import { wellFormedJson } from "./well-formed-json.ts";

test.each([
  ['"\\ud800"', "\ufffd"],
  ['"a\\uDC00b"', "a\ufffdb"],
  ['"\\ud83d\\ude00"', "😀"],
  ['"\\ud83d\\ud83d\\ude00"', "\ufffd😀"],
  ['"\\\\ud800"', "\\ud800"],
  ['"\\\\\\ud800"', "\\\ufffd"],
  ['"\\ud800\\n"', "\ufffd\n"],
  ['"plain 😀 \\u00e9"', "plain 😀 é"],
])("%s is read as %s", (text, value) => {
  expect(JSON.parse(wellFormedJson(text))).toBe(value);
});
