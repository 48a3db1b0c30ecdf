import type { z } from "zod";
import { fault } from "./assay-fault.ts";
import type { Fault } from "./assay-fault.ts";

type Issue = z.core.$ZodIssue;

/**
 * What a schema found wrong, as faults of the catalogue: one `unknown_field` per unknown key, `invalid_field` for everything
 * else. Each has the path of the value at fault. `root` names the document in messages about the whole of it, e.g. `suite`.
 */
export function faultsFromIssues(issues: readonly Issue[], root = "document"): Fault[] {
  return issues.flatMap((issue) => faultsOf(issue, issue.path, root));
}

/** A path as people read it: `tasks[2].config.batch_sizes[0]`. */
export function fieldPath(segments: readonly PropertyKey[]): string {
  return segments.map(pathSegment).join("").replace(/^\./, "");
}

function pathSegment(segment: PropertyKey): string {
  if (typeof segment === "number") return `[${segment}]`;
  const key = String(segment);
  return /^[A-Za-z_$][\w$-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function faultsOf(issue: Issue, segments: readonly PropertyKey[], root: string): Fault[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const path = fieldPath([...segments, key]);
      return fault("unknown_field", `${path} is not a field of ${describe(segments, root)}`, { path });
    });
  }
  const meant = issue.code === "invalid_union" ? meantBranch(issue) : undefined;
  if (meant) return meant.flatMap((inner) => faultsOf(inner, [...segments, ...inner.path], root));
  const path = fieldPath(segments);
  return [
    fault("invalid_field", `${path === "" ? `the ${root}` : path} ${complaint(issue)}`, path === "" ? {} : { path }),
  ];
}

function describe(segments: readonly PropertyKey[], root: string): string {
  return segments.length === 0 ? `a ${root}` : fieldPath(segments);
}

/** What is wrong, as the end of a sentence that begins with the path. */
function complaint(issue: Issue): string {
  // The input itself is not in the issue; zod says `undefined` only for a field that is not there.
  if (issue.message.endsWith("received undefined")) return "is missing";
  switch (issue.code) {
    case "invalid_type":
      return `must be ${typeName(issue.expected)}`;
    case "too_small":
      return `must ${bound(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum)}`;
    case "too_big":
      return `must ${bound(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum)}`;
    case "invalid_value":
      return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}`;
    case "invalid_union":
      return unionComplaint(issue);
    case "invalid_format":
      return issue.format === "regex" ? issue.message : `must be a valid ${issue.format}`;
    case "invalid_key":
      return `has a key that ${issue.issues[0] === undefined ? "is not allowed" : complaint(issue.issues[0])}`;
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    default:
      return `is not valid: ${issue.message}`;
  }
}

/** What the one form complains of that the value has by its type; undefined when it has none of them, or several. */
function meantBranch({ errors }: Extract<Issue, { code: "invalid_union" }>): readonly Issue[] | undefined {
  const isOfAnotherType = ({ code, path }: Issue): boolean =>
    path.length === 0 && (code === "invalid_type" || code === "invalid_value");
  const [meant, other] = errors.filter((issues) => !issues.some(isOfAnotherType));
  return other === undefined ? meant : undefined;
}

function unionComplaint(issue: Extract<Issue, { code: "invalid_union" }>): string {
  if ("options" in issue && issue.options !== undefined)
    return `must be one of ${issue.options.map(String).join(", ")}`;
  const wholes = issue.errors.flatMap((errors) => (errors[0]?.path.length === 0 ? [errors[0]] : []));
  if (wholes.some((inner) => inner.message.endsWith("received undefined"))) return "is missing";
  const types = wholes.flatMap((inner) => (inner.code === "invalid_type" ? [typeName(inner.expected)] : []));
  return types.length === 0 ? "has a value that is not allowed" : `must be ${types.join(" or ")}`;
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === "string") return `have ${relation} ${limit} ${limit === 1 ? "character" : "characters"}`;
  if (origin === "array" || origin === "set") return `have ${relation} ${limit} ${limit === 1 ? "item" : "items"}`;
  return `be ${relation} ${limit}`;
}

const typeNames: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
  null: "null",
};

function typeName(expected: string): string {
  return typeNames[expected] ?? `of type ${expected}`;
}
