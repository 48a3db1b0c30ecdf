import type { z } from "zod";
import { fault, faultsFromIssues } from "../contracts/index.ts";
import { locatedError } from "./located-error.ts";
import { parseSource } from "./suite-source.ts";

/** A document from YAML or JSON; `kind` is what messages call it. Errors as for a suite file, with the line. */
export function checkedDocument<Schema extends z.ZodType>(
  { text, file }: { text: string; file: string },
  { schema, kind }: { schema: Schema; kind: string },
): z.output<Schema> {
  const { value, placeOf } = parseSource(text, file);
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const located = faultsFromIssues(parsed.error.issues, kind).map((found) => ({
    ...found,
    place: placeOf(found.path ?? ""),
  }));
  const [first = fault("invalid_field", `the ${kind} is not valid`), ...others] = located;
  throw locatedError(file, [first, ...others]);
}
