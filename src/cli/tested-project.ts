import type { Client } from "../client/index.ts";
import { assayError, MAX_TASKS_PER_RUN } from "../contracts/index.ts";
import type {
  FrameworkName,
  KnownTest,
  Mute,
  Project,
  ProjectSuite,
  TaskSpecInput,
  WorkspaceSource,
} from "../contracts/index.ts";
import type { Discovery, DiscoveryDetail } from "../frameworks/index.ts";
import { batchesOf, chooseTests, fewUrgent, loadProject, suiteTasks, withNeeds } from "../planner/index.ts";
import type { NeedyTest } from "../planner/index.ts";
import type { Invocation } from "./cli.ts";
import type { ConnectionOptions } from "./connection.ts";
import { dataDirOf } from "./data-folders.ts";
import { choiceByChange, choiceDocument, choiceLines, chosenSuites, isClose } from "./change-lines.ts";
import type { ChangeChoice } from "./change-lines.ts";
import { discoverSuites } from "./discovered-suites.ts";
import type { DiscoveredSuite } from "./discovered-suites.ts";
import { exitCodes } from "./exit-codes.ts";
import { withFoundNeeds } from "./found-needs.ts";
import { hasFailed, knownTests, pastOf } from "./known-tests.ts";
import { performRun } from "./perform-run.ts";
import { prepareHere } from "./prepared-here.ts";
import { projectFolder } from "./project-folder.ts";
import { countText } from "./quantities.ts";
import { prepareWorkspace } from "./shipped-workspace.ts";
import { testReport } from "./test-report.ts";
import type { TestReport } from "./test-report.ts";
import { TestLedger } from "./test-verdict.ts";
import type { AwaitedTest } from "./test-verdict.ts";
import { withCoordinator } from "./with-coordinator.ts";
import type { CoordinatorSession } from "./with-coordinator.ts";

/** How the tests of a project are to run. */
export interface TestOptions extends ConnectionOptions {
  framework?: FrameworkName[];
  match?: string[];
  lastFailed?: boolean;
  changedSince?: string;
  repeat: number;
  untilFail?: boolean;
  retries: number;
  testTimeout?: number;
  maxFailures?: number;
  shuffle?: number;
  requireReal?: string[];
  name?: string;
  pool: string;
  waitForCapacity?: boolean;
  workers?: number;
  inPlace?: boolean;
}

export const UNTIL_FAIL_REPEATS = 100;

/** Finds the tests of a project, runs them, and gives what became of them; what goes on meanwhile is told on the screen. */
export async function testProject(invocation: Invocation<TestOptions>): Promise<TestReport> {
  const { args, passedOn, options, context, screen } = invocation;
  await using place = await projectFolder(args[0] ?? ".", { context, screen });
  const folder = place.path;
  const project = await loadProject(folder);
  const only = options.framework ?? [];
  const made = place.isNew ? await prepareHere({ folder, project, only }, { context, screen }) : [];
  const dataDir = dataDirOf(options, context);
  const detail = ({ overrides }: ProjectSuite): DiscoveryDetail => {
    const picks = options.match !== undefined || options.lastFailed === true || overrides.length > 0;
    return picks ? "names" : "files";
  };
  const wish = { folder, project, only, given: passedOn, dataDir, detail };
  const suites = await discoverSuites(wish, context);
  for (const { suite, discovery } of suites) {
    const where = suite.directory === "." ? "" : ` in ${suite.directory}`;
    screen.info(`${suite.framework}${where}: ${sizeText(discovery)}`);
  }
  const choice = await changeChoice(invocation, folder, suites);
  const chosen = choice === null ? suites : chosenSuites(choice);
  if (choice !== null && chosen.every(({ discovery }) => discovery.tests.length + discovery.problems.length === 0)) {
    const document = { changes: choiceDocument(choice), tests: [], problems: [], exit_code: exitCodes.ok };
    return { lines: () => ["nothing to run: no test depends on what changed"], document, exitCode: exitCodes.ok };
  }
  const types = chosen.some(needsProof) ? undefined : (["suite"] as const);
  // Awaited here, so that the folder stays until the end.
  return await withCoordinator({ ...invocation, pools: [options.pool], types }, (session) =>
    runTests(session, {
      folder,
      shown: place.shown,
      dataDir,
      made,
      project,
      suites: chosen,
      choice,
      options,
      passedOn,
    }),
  );
}

/** Which tests what changed may concern, when that is asked for; told before they run. */
async function changeChoice(
  { options: { changedSince }, context, screen }: Invocation<TestOptions>,
  folder: string,
  suites: readonly DiscoveredSuite[],
): Promise<ChangeChoice | null> {
  if (changedSince === undefined) return null;
  const choice = await choiceByChange(folder, changedSince, { suites, context });
  for (const line of choiceLines(choice)) screen.info(line);
  return choice;
}

/** Where a framework names files before they run, and their tests then, files are what is counted. */
function sizeText({ tests }: Discovery): string {
  const files = tests.length > 0 && tests.every(({ id, together }) => together === `file:${id}`);
  return countText(tests.length, files ? "file" : "test");
}

/** Only what runs models proves what hardware there is, and that takes seconds. */
function needsProof({ suite }: DiscoveredSuite): boolean {
  return [suite, ...suite.overrides].some(
    ({ requirements }) => requirements?.hardware !== undefined || requirements?.backend !== undefined,
  );
}

interface Wanted {
  folder: string;
  /** The folder as people know it. */
  shown: string;
  dataDir: string;
  /** Patterns of what was made in it for this command. */
  made: readonly string[];
  project: Project;
  suites: readonly DiscoveredSuite[];
  options: TestOptions;
  choice: ChangeChoice | null;
  passedOn: readonly string[];
}

async function runTests(session: CoordinatorSession, wanted: Wanted): Promise<TestReport> {
  const { client } = session;
  const { options, folder, project, dataDir, made } = wanted;
  const inPlace = options.inPlace === true;
  const where = { folder, project, dataDir, made, inPlace, suites: wanted.suites };
  // None waits for another: each is a process or the network.
  const [slots, prepared, mutes, studies] = await Promise.all([
    slotsOf(client, options.pool),
    prepareWorkspace(session, where),
    client.mutes(),
    Promise.all(wanted.suites.map((suite) => studied(suite, session, wanted))),
  ]);
  const { suites, source: workspace, shipped } = prepared;
  const planned = suites.flatMap((suite, index) => {
    const study = studies[index];
    return study === undefined ? [] : [planSuite(suite, { ...wanted, ...study, slots, workspace, mutes })];
  });
  const tasks = planned.flatMap((one) => one.tasks);
  const problems = suites.flatMap(({ suite, discovery }) =>
    discovery.problems.map((problem) => ({ framework: suite.framework, directory: suite.directory, ...problem })),
  );
  if (tasks.length === 0) throw assayError("no_tests_found", "the selection left no test to run");
  if (tasks.length > MAX_TASKS_PER_RUN) {
    throw assayError("too_many_tasks", `${tasks.length} batches of tests are more than ${MAX_TASKS_PER_RUN}`);
  }
  const ledger = new TestLedger(new Map(planned.flatMap((one) => [...one.awaited])));
  const most = options.maxFailures ?? (options.untilFail === true ? 1 : Infinity);
  let stopped = false;
  const ended = await performRun(
    session,
    { name: options.name ?? "test", pool: options.pool, wait_for_capacity: options.waitForCapacity ?? false, tasks },
    (event, runId) => {
      ledger.see(event);
      if (stopped || ledger.notPassed < most) return;
      stopped = true;
      void client.cancelRun(runId, `${countText(ledger.notPassed, "test")} did not pass`).catch(() => {});
    },
  );
  const changes = wanted.choice === null ? null : choiceDocument(wanted.choice);
  const content = { ended, tests: ledger.results(), problems, suites, folder: wanted.shown, shipped, changes };
  return testReport(content, session.screen.outStyle);
}

/** What is known of the tests of a suite, and what they need. */
async function studied(
  suite: DiscoveredSuite,
  session: CoordinatorSession,
  { folder, options: { pool } }: Wanted,
): Promise<Pick<Planning, "known" | "tests">> {
  const needy = withNeeds(suite.suite, suite.discovery.tests);
  const [known, tests] = await Promise.all([
    knownTests(session.client, suite),
    withFoundNeeds(session, needy, { folder, suite, pool }),
  ]);
  return { known, tests };
}

async function slotsOf(client: Client, pool: string): Promise<number> {
  let slots = 0;
  for await (const worker of client.workers({})) if (worker.capabilities.pools.includes(pool)) slots += worker.slots;
  return Math.max(1, slots);
}

function isOf(suite: DiscoveredSuite["suite"], { framework, directory }: Mute): boolean {
  return framework === suite.framework && directory === suite.directory;
}

interface Planning extends Wanted {
  tests: readonly NeedyTest[];
  slots: number;
  workspace: WorkspaceSource;
  known: ReadonlyMap<string, KnownTest>;
  mutes: readonly Mute[];
}

interface Planned {
  tasks: TaskSpecInput[];
  awaited: Map<string, AwaitedTest[]>;
}

function planSuite(
  { suite }: DiscoveredSuite,
  { tests: all, choice, options, project, passedOn, slots, workspace, known, mutes }: Planning,
): Planned {
  const tests = chooseTests(all, {
    patterns: options.match ?? [],
    wanted: options.lastFailed === true ? ({ test }) => hasFailed(known.get(test.id)) : undefined,
    shuffleSeed: options.shuffle,
  });
  const past = fewUrgent(tests, (one) => {
    return pastOf(one, known.get(one.test.id), choice !== null && isClose(choice, suite, one.test));
  });
  const batches = batchesOf(tests, { slots, past });
  const tasks = suiteTasks(
    batches,
    {
      suite,
      workspace,
      directory: suite.directory,
      arguments: passedOn,
      retries: options.retries,
      testTimeoutSeconds: options.testTimeout === undefined ? undefined : options.testTimeout / 1000,
      watch: project.watch,
      requireReal: options.requireReal ?? [],
      muted: mutes.filter((one) => isOf(suite, one)).map(({ test_id }) => test_id),
    },
    options.untilFail === true && options.repeat === 1 ? UNTIL_FAIL_REPEATS : options.repeat,
  );
  const files = new Map(tests.map(({ test: { id, file } }) => [id, file]));
  const awaited = new Map<string, AwaitedTest[]>();
  for (const { task_id: taskId, config } of tasks) {
    const ids =
      config !== undefined && "tests" in config && Array.isArray(config.tests) ? (config.tests as string[]) : [];
    awaited.set(
      taskId,
      ids.map((id) => ({ id, file: files.get(id) ?? "", taskId })),
    );
  }
  return { tasks, awaited };
}
