import type { FrameworkName } from "../../contracts/index.ts";
import type { DiscoveredTest } from "../../frameworks/index.ts";

/** Where a test stands in its file: the names around it and its own; and the parameters with which it runs. */
export interface TestPath {
  names: readonly string[];
  parameters: readonly string[];
}

/** Reads an id as its framework writes it. */
export function testPath(framework: FrameworkName, { id, file }: DiscoveredTest): TestPath {
  switch (framework) {
    case "pytest": {
      const [names = "", ...rest] = id.slice(file.length).replace(/^::/, "").split("[");
      const parameters = rest.join("[").replace(/\]$/, "").split("-");
      return { names: names === "" ? [] : names.split("::"), parameters };
    }
    case "unittest":
      return { names: id.split(".").slice(-2), parameters: [] };
    default: {
      const [, ...names] = id.replace(/ #\d+$/, "").split(" > ");
      return { names, parameters: [] };
    }
  }
}

/** Whether what stands within these names concerns the test: around it, at it, or in it. */
export function concerns(within: readonly string[], { names }: TestPath): boolean {
  return within.every((name, index) => index >= names.length || isName(name, names[index] ?? ""));
}

/** A title of a table of tests has signs in place of the values: `adds %i and $b`. */
function isName(title: string, name: string): boolean {
  if (title === name) return true;
  const parts = title.split(/%[#$%dfijosp]|\$[\w.#]+/);
  if (parts.length === 1) return false;
  const escaped = parts.map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return new RegExp(`^${escaped.join(".*")}$`, "s").test(name);
}
