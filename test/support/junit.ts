import { SaxesParser } from "saxes";

/** A test in a JUnit report. */
export interface JUnitCase {
  attributes: Readonly<Record<string, string>>;
  /** Names of the suites around it, from outside. */
  suites: readonly string[];
  /** What the report says of it: the names of the elements in it with their attributes. */
  says: readonly { name: string; attributes: Readonly<Record<string, string>> }[];
}

/** The tests of a report, in its order, with all that it has of them. */
export function junitCases(xml: string): JUnitCase[] {
  const cases: JUnitCase[] = [];
  const suites: string[] = [];
  let open: { says: { name: string; attributes: Record<string, string> }[] } | undefined;
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    if (name === "testsuite") suites.push(attributes["name"] ?? "");
    if (name === "testcase") {
      const found = { attributes, suites: [...suites], says: [] };
      cases.push((open = found));
    } else open?.says.push({ name, attributes });
  });
  parser.on("closetag", ({ name }) => {
    if (name === "testcase") open = undefined;
    if (name === "testsuite") suites.pop();
  });
  parser.write(xml).close();
  return cases;
}
