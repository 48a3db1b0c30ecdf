import assert from "node:assert";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, mock, test } from "node:test";
import { words } from "./words.js";

const tried = join(tmpdir(), "assay-example-node-test-tried");

describe("words", () => {
  test("are what is between spaces", () => {
    assert.deepEqual(words(" one  two "), ["one", "two"]);
  });

  test("may be any 🐞 characters,\non several lines", () => {
    assert.equal(words("🐞\nß").length, 2);
  });

  test("are told from signs, which fails", () => {
    assert.deepEqual(words("one, two"), ["one", "two"]);
  });

  test("are steady the second time", () => {
    const isSecond = existsSync(tried);
    if (isSecond) rmSync(tried);
    else writeFileSync(tried, "");
    assert.ok(isSecond);
  });

  test("are counted", { skip: "not yet" }, () => {});

  test("may be made up", () => {
    assert.deepEqual(mock.fn(words, () => ["three"])(""), ["three"]);
  });
});
