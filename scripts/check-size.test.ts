import { expect, it } from "vitest";

import { checkSize } from "./check-size.ts";
import { tempTree } from "./temp-tree.ts";

const lines = (count: number): string => "  work();\n".repeat(count);

function findings(files: Record<string, string>): string[] {
  return checkSize(tempTree(files)).findings.map(({ path, line, message }) => `${path}:${line} ${message}`);
}

it("accepts functions up to the limit and warns above the target", () => {
  const root = tempTree({
    "src/base/a.ts": `export function short() {\n${lines(38)}}\n\nexport function long() {\n${lines(68)}}\n`,
  });
  const { findings: errors, warnings } = checkSize(root);
  expect(errors).toEqual([]);
  expect(warnings).toEqual([
    { path: "src/base/a.ts", line: 42, message: "function long of 70 lines; the target is 40" },
  ]);
});

it.each([
  ["function big", `export function big() {\n${lines(69)}}\n`],
  ["function big", `export const big = () => {\n${lines(69)}};\n`],
  ["function big", `export class A { big() {\n${lines(69)}} }\n`],
  ["function (anonymous)", `register(() => {\n${lines(69)}});\n`],
])("refuses a %s of 71 lines", (name, text) => {
  expect(findings({ "bench/a.ts": text })).toEqual([`bench/a.ts:1 ${name} of 71 lines; the limit is 70`]);
});

it("refuses a class of 301 lines", () => {
  expect(findings({ "src/base/a.ts": `class A {\n${"  a = 1;\n".repeat(299)}}\n` })).toEqual([
    "src/base/a.ts:1 class of 301 lines; the limit is 300",
  ]);
});

it("refuses a fourth positional parameter in functions and in the signatures of a port", () => {
  const text = [
    "export const three = (a: number, b: number, c: number) => a + b + c;",
    "export function free(this: void, a: number, b: number, c: number) { return a + b + c; }",
    "export const four = (a: number, b: number, c: number, d: number) => a + b + c + d;",
    "export interface Port { send(a: number, b: number, c: number, d: number): void }",
    "export type Send = (a: number, b: number, c: number, d: number) => void;",
    "export abstract class Base { abstract send(a: number, b: number, c: number, ...d: number[]): void; }",
  ].join("\n");
  const message = "4 positional parameters; take one options object after 3";
  expect(findings({ "src/base/a.ts": text })).toEqual([3, 4, 5, 6].map((line) => `src/base/a.ts:${line} ${message}`));
});

it("gives test files more room and does not measure what groups tests", () => {
  const test = `describe.each([1])("x", () => {\n${"  it('y', () => {});\n".repeat(80)}});\n`;
  const suite = `export function suite() {\n${"  it('y', () => {});\n".repeat(80)}}\n`;
  expect(findings({ "src/base/a.test.ts": test, "src/journal/acceptance.ts": suite })).toEqual([]);
  const file = {
    "src/base/a.test.ts": "a;\n".repeat(701),
    "src/base/a.ts": "a;\n".repeat(501),
    "src/base/b.ts": "a;\n".repeat(500),
  };
  expect(findings(file)).toEqual([
    "src/base/a.test.ts:1 701 lines; a file may have 700",
    "src/base/a.ts:1 501 lines; a file may have 500",
  ]);
});

it("honours a listed exception as long as it is needed", () => {
  const root = tempTree({ "src/base/a.ts": "a;\n".repeat(501) });
  expect(checkSize(root, { "src/base/a.ts": "a table" }).findings).toEqual([]);
  expect(checkSize(root, { "src/base/a.ts": "a table", "src/base/gone.ts": "was a table" }).findings).toEqual([
    {
      path: "src/base/gone.ts",
      line: 1,
      message: "is within the limit or gone: take it out of LONG_FILES in scripts/check-size.ts",
    },
  ]);
});
