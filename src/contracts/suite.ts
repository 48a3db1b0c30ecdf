import { z } from "zod";
import { DEFAULT_POOL, fallback, identifier, labels, requirements, resources, retryPolicy, taskSpec } from "./task.ts";

export const MAX_SUITE_BYTES = 8 * 1024 * 1024;
export const MAX_TASKS_PER_RUN = 200_000;

/** What every task of the suite has unless it says otherwise. */
const suiteDefaults = z.strictObject({
  priority: z.int().min(0).max(100).optional(),
  requirements: requirements.optional(),
  timeout_seconds: z.number().positive().optional(),
  retry_policy: retryPolicy.partial().optional(),
  labels: labels.optional(),
  resources: resources.optional(),
  fallback: fallback.optional(),
  preemptible: z.boolean().optional(),
  hedge: z.boolean().optional(),
});
export type SuiteDefaults = z.infer<typeof suiteDefaults>;

/** A suite file: YAML or JSON. Tasks are merged with `defaults`, then checked. */
export const suite = z.strictObject({
  $schema: z.string().optional(),
  name: identifier,
  description: z.string().optional(),
  defaults: suiteDefaults.default({}),
  wait_for_capacity: z.boolean().default(false).describe("Accept tasks that no known worker can run yet"),
  pool: identifier.default(DEFAULT_POOL).describe("The set of workers that the run is for"),
  tasks: z.array(taskSpec).min(1).max(MAX_TASKS_PER_RUN),
});
export type Suite = z.infer<typeof suite>;

/** JSON Schema of suite files, for completion in editors. */
export function suiteJsonSchema(): unknown {
  return { $id: "suite.schema.json", title: "Assay suite", ...z.toJSONSchema(suite, { io: "input" }) };
}
