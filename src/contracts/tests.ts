import { z } from "zod";

/** Test frameworks that Assay speaks to; `command` is any program that can list its tests and run some of them. */
export const frameworkNames = [
  "pytest",
  "unittest",
  "vitest",
  "jest",
  "node-test",
  "mocha",
  "playwright",
  "go",
  "cargo",
  "command",
] as const;
export const frameworkName = z.enum(frameworkNames);
export type FrameworkName = (typeof frameworkNames)[number];

/** As the framework itself names a test: a node id of pytest, `file > describe > test` of others. Any characters but none of length 0. */
export const testId = z.string().min(1).max(4_096);
/** With `/` between folders, relative to the folder in which the framework runs; never leads out of it. */
export const relativePath = z
  .string()
  .min(1)
  .max(4_096)
  .refine(
    (path) => !path.startsWith("/") && !path.includes("\\") && !path.includes("\0"),
    "must be a relative path with /",
  )
  .refine((path) => !path.split("/").includes(".."), "must not lead out of the folder");

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * What became of a test. `failed`: it said no; `error`: something around it did (a fixture, an import); `xfailed` and `xpassed`: it was
 * expected to fail, and did or did not; `crashed`: its process died while it ran; `not_run`: its turn never came.
 */
export const testOutcomes = [
  "passed",
  "failed",
  "error",
  "skipped",
  "xfailed",
  "xpassed",
  "crashed",
  "timed_out",
  "not_run",
] as const;
export type TestOutcome = (typeof testOutcomes)[number];

/** What a test saw of a library: the thing itself, a stand-in, or nothing. */
export const libraryStates = ["real", "mocked", "missing"] as const;
export type LibraryState = (typeof libraryStates)[number];

export const MAX_TEST_MESSAGE = 4_000;
export const MAX_TEST_OUTPUT = 8_000;
/** Of one task: more are several tasks. */
export const MAX_TESTS_PER_TASK = 5_000;

export const testResult = z.strictObject({
  id: testId,
  file: z.string().max(4_096).optional(),
  outcome: z.enum(testOutcomes),
  duration_seconds: z.number().min(0).max(1e9).default(0),
  message: z.string().max(MAX_TEST_MESSAGE).optional().describe("Why it did not pass, or why it was skipped"),
  output: z
    .string()
    .max(MAX_TEST_OUTPUT)
    .optional()
    .describe("The last part of what it printed; kept when it did not pass"),
  retries: z.int().min(0).max(1_000).optional().describe("Tries before this one, all of which did not pass"),
  muted: z.literal(true).optional().describe("Its failure does not fail the run"),
  libraries: z
    .record(z.string().max(200), z.enum(libraryStates))
    .optional()
    .describe("What it saw of the watched libraries"),
});
export type TestResult = z.infer<typeof testResult>;

/** Prepares a workspace: made once for equal inputs on machines of one class, then taken from the cache. */
export const setupStep = z.strictObject({
  run: z.string().min(1).max(10_000).describe("A shell line, run in the folder of the framework"),
  inputs: z.array(relativePath).max(100).default([]).describe("Files on whose content the outcome depends"),
  outputs: z.array(relativePath).max(100).default([]).describe("Folders and files that it makes, kept in the cache"),
});
export type SetupStep = z.infer<typeof setupStep>;

/**
 * How a program lists its tests, one per line, and runs some: `{tests}` stands for their names, each quoted, and `{report}` for the path of
 * the JUnit report that it is to write. With `exit_code` each test is run by itself: 0 is passed, 77 skipped, any other failed. With `tap` it
 * prints the Test Anything Protocol.
 */
export const listCommand = z
  .strictObject({
    list: z.string().min(1).max(10_000).describe("A shell line that prints the names of the tests, one per line"),
    run: z.string().min(1).max(10_000).describe("A shell line with {tests}, for `junit` also with {report}"),
    report: z.enum(["exit_code", "tap", "junit"]).default("exit_code").describe("What `run` tells of single tests"),
  })
  .refine(({ run }) => run.includes("{tests}"), { path: ["run"], error: "must have {tests} where the names go" })
  .refine(({ run, report }) => report !== "junit" || run.includes("{report}"), {
    path: ["run"],
    error: "must have {report} where the path of the JUnit report goes",
  });

/** The files that tests need: a snapshot by the digest of its root, or a folder that is there on the worker's machine. */
export const workspaceSource = z.union([
  z.strictObject({ root: sha256 }),
  z.strictObject({ folder: z.string().min(1).max(4_096) }),
]);
export type WorkspaceSource = z.infer<typeof workspaceSource>;

/** Libraries whose stand-ins make a test of models say nothing of the model. */
export const WATCHED_LIBRARIES = [
  "torch",
  "transformers",
  "tokenizers",
  "onnxruntime",
  "tensorflow",
  "jax",
  "numpy",
  "onnxruntime-node",
  "onnxruntime-web",
  "@huggingface/transformers",
] as const;

/** A task of type `suite`: some tests of one framework, run in order in one process. */
export const suiteConfig = z.strictObject({
  framework: frameworkName,
  workspace: workspaceSource,
  directory: relativePath.default(".").describe("Where in the workspace the framework runs"),
  tests: z
    .array(testId)
    .min(1)
    .max(MAX_TESTS_PER_TASK)
    .describe("As the framework names them; a file means all of its tests"),
  arguments: z.array(z.string().max(4_096)).max(200).default([]).describe("Passed on to the framework"),
  env: z.record(z.string(), z.string()).default({}).describe("Added to the allowed environment of the worker"),
  setup: z.array(setupStep).max(20).default([]),
  command: listCommand.optional().describe("Only for the framework `command`"),
  retries: z.int().min(0).max(100).default(0).describe("How often a test that did not pass is tried again"),
  test_timeout_seconds: z
    .number()
    .positive()
    .max(604_800)
    .optional()
    .describe("A test that runs longer is ended, and the others go on"),
  muted: z.array(testId).max(MAX_TESTS_PER_TASK).default([]).describe("Tests that run and never fail the task"),
  watch: z
    .array(z.string().min(1).max(200))
    .max(100)
    .default([...WATCHED_LIBRARIES])
    .describe("Libraries of which is told whether they were real"),
  require_real: z
    .array(z.string().min(1).max(200))
    .max(100)
    .default([])
    .describe("Libraries without which, or with stand-ins for which, a test fails"),
  expected_seconds: z
    .number()
    .min(0)
    .max(604_800)
    .optional()
    .describe("What earlier runs took; longer ones start first"),
});
export type SuiteConfig = z.infer<typeof suiteConfig>;
