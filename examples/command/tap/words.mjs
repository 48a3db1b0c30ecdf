// A program of its own kind, which tells of its tests by the Test Anything Protocol.
import assert from "node:assert";

const words = (text) => text.trim().split(/\s+/);

const tests = {
  "words are between spaces": () => assert.deepEqual(words(" one  two "), ["one", "two"]),
  "words are told from signs, which fails": () => assert.deepEqual(words("one, two"), ["one", "two"]),
  "words are counted # TODO": () => assert.equal(words.count, 2),
  "words are translated # SKIP no dictionary": () => {},
};

const nameOf = (line) => line.replace(/ #.*/, "");
if (process.argv[2] === "--list") {
  console.log(Object.keys(tests).map(nameOf).join("\n"));
} else {
  const asked = Object.entries(tests).filter(([line]) => process.argv.includes(nameOf(line)));
  console.log(`TAP version 14\n1..${asked.length}`);
  for (const [index, [line, run]] of asked.entries()) {
    try {
      run();
      console.log(`ok ${index + 1} - ${line}`);
    } catch (error) {
      const text = error.message.replaceAll("\n", "\n    ");
      console.log(`not ok ${index + 1} - ${line}\n  ---\n  message: |\n    ${text}\n  ...`);
      if (!line.includes("#")) process.exitCode = 1;
    }
  }
}
