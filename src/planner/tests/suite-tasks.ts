import { createHash } from "node:crypto";
import { suiteConfig } from "../../contracts/index.ts";
import type { ProjectSuite, SuiteConfig, TaskSpecInput, WorkspaceSource } from "../../contracts/index.ts";
import type { Batch } from "./batches.ts";

/** What all tasks of a suite have. */
export interface SuiteSettings {
  suite: ProjectSuite;
  workspace: WorkspaceSource;
  /** Where the tests are in the workspace: the suite's own folder below that of the project. */
  directory: string;
  /** Given on the command line, after those of assay.yaml. */
  arguments: readonly string[];
  retries: number;
  testTimeoutSeconds: number | undefined;
  watch: readonly string[] | undefined;
  requireReal: readonly string[];
  /** Tests of the suite that fail no run; also such as are only known by their file before they run. */
  muted: readonly string[];
}

const PRIORITY = 50;
const MAX_NAME = 120;

/** One task per batch; `repeat` of them where each is to run several times. */
export function suiteTasks(batches: readonly Batch[], settings: SuiteSettings, repeat = 1): TaskSpecInput[] {
  const taken = new Set<string>();
  return batches.flatMap((batch) => {
    const name = distinct(taskName(batch, settings), taken);
    return Array.from({ length: repeat }, (_, index) =>
      taskOf(batch, settings, index === 0 ? name : `${name}@${index + 1}`),
    );
  });
}

function taskOf(batch: Batch, settings: SuiteSettings, taskId: string): TaskSpecInput {
  const { needs, risk } = batch;
  return {
    task_id: taskId,
    type: "suite",
    priority: PRIORITY + risk,
    requirements: needs.requirements,
    resources: needs.resources,
    labels: needs.labels,
    config: configOf(batch, settings),
  };
}

function configOf({ tests, needs, expectedSeconds }: Batch, settings: SuiteSettings): SuiteConfig {
  const { suite, workspace, directory, watch, muted } = settings;
  const ids = tests.map(({ test }) => test.id);
  const timeout = needs.testTimeoutSeconds ?? settings.testTimeoutSeconds;
  return suiteConfig.parse({
    framework: suite.framework,
    workspace,
    directory,
    tests: ids,
    arguments: [...suite.arguments, ...settings.arguments],
    env: suite.env,
    setup: suite.setup ?? [],
    ...(suite.command === undefined ? {} : { command: suite.command }),
    retries: needs.retries ?? settings.retries,
    ...(timeout === undefined ? {} : { test_timeout_seconds: timeout }),
    muted: mutedAmong(new Set(ids), muted),
    ...(watch === undefined ? {} : { watch }),
    require_real: settings.requireReal,
    ...(expectedSeconds === null ? {} : { expected_seconds: expectedSeconds }),
  });
}

/** Of those that name a file, all tests of the file: `file > describe > test`. */
function mutedAmong(ids: ReadonlySet<string>, muted: readonly string[]): string[] {
  return muted.filter((id) => ids.has(id) || ids.has(id.split(" > ", 1)[0] ?? ""));
}

/** For people: the framework, its folder and the first test; a digest where the name cannot hold all of it. */
function taskName({ tests }: Batch, { suite }: SuiteSettings): string {
  const first = `${suite.directory === "." ? "" : `${suite.directory}/`}${tests[0]?.test.id ?? ""}`;
  const plain = first.replaceAll(/[^A-Za-z0-9._:/@+\-[\]=,]+/g, "-");
  const short = plain.length > MAX_NAME ? plain.slice(-MAX_NAME) : plain;
  const digest = createHash("sha256").update(first).digest("hex").slice(0, 8);
  const more = tests.length > 1 ? `+${tests.length - 1}` : "";
  return `${suite.framework}/${short}${short === first ? "" : `:${digest}`}${more}`;
}

function distinct(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${name}=${number}`;
  taken.add(free);
  return free;
}
