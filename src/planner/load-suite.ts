import type { z } from "zod";
import { DEFAULT_POOL, fault, faultsFromIssues, MAX_TASKS_PER_RUN, suite } from "../contracts/index.ts";
import type { SubmitRunInput, Suite } from "../contracts/index.ts";
import { dependencyFault } from "./dependency-fault.ts";
import { locatedError } from "./located-error.ts";
import type { LocatedFault } from "./located-error.ts";
import { parseSource } from "./suite-source.ts";
import type { SuiteSource } from "./suite-source.ts";
import { readSuiteText } from "./suite-text.ts";
import { withDefaults } from "./with-defaults.ts";

/** A checked suite, its tasks merged with its defaults, and where its parts stand in the file. */
export interface LoadedSuite extends Pick<SuiteSource, "placeOf"> {
  /** With every field that a task can have. */
  suite: Suite;
  /** The same as it is submitted: only what the file says, which is far smaller. */
  submission: Pick<SubmitRunInput, "name" | "wait_for_capacity" | "pool" | "tasks">;
  file: string;
}

/** Nobody reads more at once. */
const MAX_FAULTS = 20;

/**
 * Reads and checks a suite file (YAML or JSON), its path relative to `cwd`. Errors, each with file, line and path in its details: suite_not_found,
 * suite_too_large, invalid_encoding, invalid_syntax, unknown_field, invalid_field, too_many_tasks, duplicate_task_id,
 * missing_dependency, cyclic_dependency.
 */
export async function loadSuite(file: string, { cwd }: { cwd: string }): Promise<LoadedSuite> {
  return parseSuite(await readSuiteText(file, cwd), file);
}

/** The same from text; `file` is only for messages. */
export function parseSuite(text: string, file: string): LoadedSuite {
  const source = parseSource(text, file);
  const parsed = checkedSuite(source.value);
  if ("suite" in parsed) return { ...parsed, file, placeOf: source.placeOf };
  const [first, ...others] = parsed.faults
    .slice(0, MAX_FAULTS)
    .map((found): LocatedFault => ({ ...found, place: source.placeOf(found.path ?? "") }))
    .sort(inFileOrder);
  throw locatedError(file, [first ?? fault("invalid_field", "the suite is not valid"), ...others]);
}

function inFileOrder({ place: a }: LocatedFault, { place: b }: LocatedFault): number {
  return (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0);
}

function checkedSuite(value: unknown): Pick<LoadedSuite, "suite" | "submission"> | { faults: LocatedFault[] } {
  if (value === null || value === undefined) return { faults: [fault("invalid_field", "the file is empty")] };
  const defaults = suite.pick({ defaults: true }).loose().safeParse(value);
  if (!defaults.success) return { faults: faultsFromIssues(defaults.error.issues, "suite") };
  const merged = withDefaults(value);
  const count = taskCount(merged);
  if (count > MAX_TASKS_PER_RUN) {
    const message = `the suite has ${count} tasks, more than ${MAX_TASKS_PER_RUN}`;
    return { faults: [fault("too_many_tasks", message, { path: "tasks" })] };
  }
  const parsed = suite.safeParse(merged);
  if (!parsed.success) return { faults: faultsFromIssues(parsed.error.issues, "suite") };
  const wrong = dependencyFault(parsed.data.tasks);
  if (wrong !== undefined) return { faults: [wrong] };
  // The schema has just accepted it as its input.
  const { name, wait_for_capacity = false, pool = DEFAULT_POOL, tasks } = merged as z.input<typeof suite>;
  return { suite: parsed.data, submission: { name, wait_for_capacity, pool, tasks } };
}

function taskCount(value: unknown): number {
  return typeof value === "object" && value !== null && "tasks" in value && Array.isArray(value.tasks)
    ? value.tasks.length
    : 0;
}
