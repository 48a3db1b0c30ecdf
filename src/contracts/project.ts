import { z } from "zod";
import { identifier, labels, requirements, resources } from "./task.ts";
import { frameworkName, listCommand, relativePath, setupStep } from "./tests.ts";

/** What some of the tests need. */
const pattern = z.string().min(1).max(5_000);
const override = z
  .strictObject({
    match: z
      .union([pattern, z.array(pattern).min(1).max(1_000)])
      .optional()
      .describe("Patterns over files and test ids, e.g. tests/gpu/** or *::test_cuda*, of which one must match"),
    tag: z.string().min(1).max(200).optional().describe("A marker or tag that the tests carry, e.g. cuda"),
    requirements: requirements.optional(),
    resources: resources.optional(),
    labels: labels.optional(),
    serial: identifier.optional().describe("Tests with the same name here never run at the same time, on any worker"),
    together: identifier.optional().describe("Tests with the same name here run in one process, in order"),
    retries: z.int().min(0).max(100).optional(),
    test_timeout_seconds: z.number().positive().max(604_800).optional(),
    critical: z.boolean().optional().describe("Runs before others"),
  })
  .refine(({ match, tag }) => match !== undefined || tag !== undefined, "must say which tests it is for: match or tag");
export type ProjectOverride = z.infer<typeof override>;

const suiteOfProject = z.strictObject({
  framework: frameworkName,
  directory: relativePath.default("."),
  arguments: z.array(z.string().max(4_096)).max(200).default([]),
  env: z.record(z.string(), z.string()).default({}),
  setup: z
    .array(setupStep)
    .max(20)
    .optional()
    .describe("Default, where files are shipped: what installs the packages of a lock file; [] for nothing"),
  command: listCommand.optional().describe("Only for the framework `command`"),
  requirements: requirements.default({}),
  overrides: z.array(override).max(1_000).default([]),
});
export type ProjectSuite = z.infer<typeof suiteOfProject>;

/** The file `assay.yaml` at the root of a project: which tests it has and what they need. Everything has a default. */
export const project = z.strictObject({
  $schema: z.string().optional(),
  suites: z.array(suiteOfProject).max(200).default([]).describe("Default: those that are found"),
  workspace: z
    .strictObject({
      include: z
        .array(z.string().min(1))
        .max(1_000)
        .default([])
        .describe("Patterns of files to ship though git ignores them"),
      exclude: z.array(z.string().min(1)).max(1_000).default([]),
    })
    .prefault({}),
  watch: z
    .array(z.string().min(1).max(200))
    .max(100)
    .optional()
    .describe("Libraries of which is told whether they were real"),
});
export type Project = z.infer<typeof project>;
