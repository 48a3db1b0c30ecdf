const assert = require("node:assert");
const { words } = require("../words.js");

let tries = 0;

describe("words", () => {
  it("are what is between spaces", () => {
    assert.deepEqual(words(" one  two "), ["one", "two"]);
  });

  it("may be any 🐞 characters,\non several lines", () => {
    assert.equal(words("🐞\nß").length, 2);
  });

  it("are told from signs, which fails", () => {
    assert.deepEqual(words("one, two"), ["one", "two"]);
  });

  it("are steady in the end", function steady() {
    this.retries(2);
    tries += 1;
    assert.equal(tries, 3);
  });

  it("are counted");
});
