// A program of its own kind, which writes a JUnit report.
import { writeFileSync } from "node:fs";

const tests = {
  "words are between spaces": "",
  "words are told from signs, which fails": '<failure message="there are &quot;signs&quot;">one, two</failure>',
  "words are counted": '<skipped message="nobody counts words today"/>',
};

const [report, ...asked] = process.argv.slice(2);
if (report === "--list") {
  console.log(Object.keys(tests).join("\n"));
} else {
  const cases = asked.map((name) => `<testcase classname="words" name="${name}" time="0.01">${tests[name]}</testcase>`);
  writeFileSync(report, `<testsuite name="words">${cases.join("")}</testsuite>`);
}
