import { resolve } from "node:path";
import type { Command } from "commander";
import type { Client } from "../../client/index.ts";
import { assayError, DEFAULT_POOL, MAX_TASKS_PER_RUN } from "../../contracts/index.ts";
import type {
  FrameworkName,
  KnownTest,
  Project,
  ProjectSuite,
  TaskSpecInput,
  WorkspaceSource,
} from "../../contracts/index.ts";
import type { Discovery, DiscoveryDetail } from "../../frameworks/index.ts";
import { batchesOf, chooseTests, loadProject, suiteTasks, withNeeds } from "../../planner/index.ts";
import type { NeedyTest } from "../../planner/index.ts";
import { withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { discoverSuites } from "../discovered-suites.ts";
import type { DiscoveredSuite } from "../discovered-suites.ts";
import type { ExitCode } from "../exit-codes.ts";
import { duration, idText, wholeNumber } from "../option-values.ts";
import { hasFailed, knownTests, pastOf } from "../known-tests.ts";
import { performRun } from "../perform-run.ts";
import { countText } from "../quantities.ts";
import { reportTests } from "../test-report.ts";
import { TestLedger } from "../test-verdict.ts";
import type { AwaitedTest } from "../test-verdict.ts";
import { withCoordinator } from "../with-coordinator.ts";
import type { CoordinatorSession } from "../with-coordinator.ts";
import { frameworkOption } from "./discover-command.ts";

interface Options extends ConnectionOptions {
  framework?: FrameworkName[];
  match?: string[];
  lastFailed?: boolean;
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
}

const UNTIL_FAIL_REPEATS = 100;

export function addTestCommand(program: Command, cli: Cli): void {
  withConnection(
    cli.command(program, "test", "find the tests of a project, run them on the workers, and wait for their end"),
  )
    .usage("[options] [folder] [-- arguments of the framework]")
    .argument("[folder]", "of the project; default: here")
    .argument("[arguments...]", "for the framework, after --")
    .addOption(frameworkOption())
    .option("--match <patterns...>", "only tests whose file or id matches one of these")
    .option("--last-failed", "only tests that did not pass when they ran last")
    .option("--repeat <count>", "run each test so many times", wholeNumber(1, 10_000), 1)
    .option("--until-fail", `repeat until one does not pass (at most ${UNTIL_FAIL_REPEATS} times, or --repeat)`)
    .option("--retries <count>", "try a test that did not pass again, so many times", wholeNumber(0, 100), 0)
    .option("--test-timeout <time>", "end a test that takes longer, e.g. 30s", duration)
    .option("--max-failures <count>", "stop after so many tests that did not pass", wholeNumber(1, 1_000_000))
    .option("--shuffle <seed>", "in an order that this number decides", wholeNumber(0, 2 ** 31))
    .option("--require-real <libraries...>", "fail tests that see a stand-in for one of these, or none")
    .option("--name <name>", "name of the run", idText)
    .option("--pool <name>", "pool of workers that the run is for", idText, DEFAULT_POOL)
    .option("--wait-for-capacity", "accept tests that no known worker can run yet")
    .option("--workers <count>", "workers to start when there is no coordinator (default 2)", wholeNumber(1, 256))
    .action(cli.action<Options>(testCommand));
}

async function testCommand(invocation: Invocation<Options>): Promise<ExitCode> {
  const { args, passedOn, options, context, screen } = invocation;
  const folder = resolve(context.cwd, args[0] ?? ".");
  const project = await loadProject(folder);
  const detail = ({ overrides }: ProjectSuite): DiscoveryDetail => {
    const picks = options.match !== undefined || options.lastFailed === true || overrides.length > 0;
    return picks ? "names" : "files";
  };
  const wish = { folder, project, only: options.framework ?? [], given: passedOn, detail };
  const suites = await discoverSuites(wish, context);
  for (const { suite, discovery } of suites) {
    const where = suite.directory === "." ? "" : ` in ${suite.directory}`;
    screen.info(`${suite.framework}${where}: ${sizeText(discovery)}`);
  }
  const types = suites.some(needsProof) ? undefined : (["suite"] as const);
  return withCoordinator({ ...invocation, pools: [options.pool], types }, (session) =>
    runTests(session, { folder, project, suites, options, passedOn }),
  );
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
  project: Project;
  suites: readonly DiscoveredSuite[];
  options: Options;
  passedOn: readonly string[];
}

async function runTests(session: CoordinatorSession, wanted: Wanted): Promise<ExitCode> {
  const { client } = session;
  const { options, suites, folder } = wanted;
  const slots = await slotsOf(client, options.pool);
  if (session.baseUrl !== null && !isHere(session.baseUrl)) {
    throw assayError(
      "usage",
      `the files of ${folder} are on this machine, and the coordinator at ${session.baseUrl} is not`,
      {
        next: "Run without --coordinator, or name the coordinator of this machine: files are not shipped yet.",
      },
    );
  }
  const workspace: WorkspaceSource = { folder };
  const planned: Planned[] = [];
  for (const suite of suites) {
    const known = await knownTests(client, suite);
    planned.push(planSuite(suite, { ...wanted, slots, workspace, known }));
  }
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
  return reportTests(session, { ended, tests: ledger.results(), problems, suites, folder: wanted.folder });
}

function isHere(baseUrl: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(new URL(baseUrl).hostname);
}

async function slotsOf(client: Client, pool: string): Promise<number> {
  let slots = 0;
  for await (const worker of client.workers({})) if (worker.capabilities.pools.includes(pool)) slots += worker.slots;
  return Math.max(1, slots);
}

interface Planning extends Wanted {
  slots: number;
  workspace: WorkspaceSource;
  known: ReadonlyMap<string, KnownTest>;
}

interface Planned {
  tasks: TaskSpecInput[];
  awaited: Map<string, AwaitedTest[]>;
}

function planSuite(
  { suite, discovery }: DiscoveredSuite,
  { options, project, passedOn, slots, workspace, known }: Planning,
): Planned {
  const tests = chooseTests(withNeeds(suite, discovery.tests), {
    patterns: options.match ?? [],
    wanted: options.lastFailed === true ? ({ test }) => hasFailed(known.get(test.id)) : undefined,
    shuffleSeed: options.shuffle,
  });
  const past = (one: NeedyTest) => pastOf(one, known.get(one.test.id));
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
      isMuted: () => false,
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
