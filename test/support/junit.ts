/** A test in a JUnit report. */
export interface JUnitCase {
  attributes: Readonly<Record<string, string>>;
  /** Names of the suites around it, from outside. */
  suites: readonly string[];
  /** What the report says of it: the names of the elements in it with their attributes. */
  says: readonly { name: string; attributes: Readonly<Record<string, string>> }[];
}

/** Text and what else stands in a report beside its elements. */
const ASIDE = /<!\[CDATA\[[\s\S]*?\]\]>|<!--[\s\S]*?-->|<\?[\s\S]*?\?>/g;
const TAG = /<(\/?)([\w.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>/g;
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const NAMED: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** The tests of a report, in its order. */
export function junitCases(xml: string): JUnitCase[] {
  const cases: JUnitCase[] = [];
  const suites: string[] = [];
  let open: { says: { name: string; attributes: Record<string, string> }[] } | undefined;
  for (const [, slash, name = "", text = "", empty] of xml.replaceAll(ASIDE, "").matchAll(TAG)) {
    const ends = slash === "/" || empty === "/";
    const attributes = slash === "/" ? {} : attributesOf(text);
    if (name === "testsuite" && slash !== "/") suites.push(attributes["name"] ?? "");
    if (name === "testcase" && slash !== "/") {
      const found = { attributes, suites: [...suites], says: [] };
      cases.push((open = found));
    } else if (open !== undefined && slash !== "/") open.says.push({ name, attributes });
    if (name === "testcase" && ends) open = undefined;
    if (name === "testsuite" && ends) suites.pop();
  }
  return cases;
}

function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = "", double, single] of text.matchAll(ATTRIBUTE)) found[name] = plain(double ?? single ?? "");
  return found;
}

function plain(text: string): string {
  return text.replaceAll(/&(#x[\da-f]+|#\d+|\w+);/gi, (all, code: string) => {
    if (code.startsWith("#x")) return String.fromCodePoint(Number.parseInt(code.slice(2), 16));
    return code.startsWith("#") ? String.fromCodePoint(Number(code.slice(1))) : (NAMED[code] ?? all);
  });
}
