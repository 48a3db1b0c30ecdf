import { asRunId } from "../src/base/index.ts";
import type { DependencyCondition, FailureClass, ResultDocument, TaskSpec } from "../src/contracts/index.ts";
import type { Command } from "../src/scheduler/index.ts";
import type { Options } from "./options.ts";
import type { World } from "./world.ts";

export type Submission = Extract<Command, { type: "submit_run" }>;

/** What an attempt is going to do, as the id of its task says: `t<number>.<milliseconds>.<fate><attempts that meet it>`. */
interface Plan {
  ms: number;
  fate: "ends" | "hangs" | "kills";
  report: Pick<ResultDocument, "status" | "failure">;
}

const FATES: Record<string, FailureClass> = {
  a: "assertion",
  c: "crash",
  d: "device_lost",
  m: "out_of_memory",
  s: "setup",
};

export function planOf(taskId: string, attempt: number): Plan {
  const [, ms = "0", fate = "o"] = taskId.split(".");
  const letter = attempt <= Number(fate.slice(1)) ? fate.charAt(0) : "o";
  const failure = FATES[letter];
  return {
    ms: Number(ms),
    fate: letter === "h" ? "hangs" : letter === "k" ? "kills" : "ends",
    report:
      failure === undefined
        ? { status: "completed" }
        : { status: "failed", failure: { class: failure, message: "as planned" } },
  };
}

/** How often a task is like the one before it, as most tasks of a suite are. */
const ALIKE = 0.6;

function likeBefore(before: TaskSpec, index: number): TaskSpec {
  return { ...before, task_id: before.task_id.replace(/^t\d+/, `t${index}`) };
}

/** How often a run ends with a task that waits for all others. */
const FAN_IN = 0.1;

function fanIn(tasks: TaskSpec[]): void {
  const last = tasks.pop();
  if (!last) return;
  const all = tasks.map(({ task_id: task }) => ({ task, condition: "always" as const }));
  tasks.push(last.group === undefined ? { ...last, depends_on: all } : last);
}

/** The next run that somebody submits. */
export function newRun(world: World, options: Options, number: number): Submission {
  const { features } = options;
  const grouped = features.groups && world.chance(0.5);
  const size = options.fair ? options.runSize : world.between(1, options.runSize);
  const tasks: TaskSpec[] = [];
  for (let index = 0; index < size; index += 1) {
    const before = tasks.at(-1);
    const alike = before !== undefined && before.group === undefined && world.chance(ALIKE);
    tasks.push(alike ? likeBefore(before, index) : newTask({ world, options, index, tasks, grouped }));
  }
  if (features.dependencies && tasks.length > 1 && world.chance(FAN_IN)) fanIn(tasks);
  const key = options.fair || world.chance(0.8) ? `key${number}` : null;
  return {
    type: "submit_run",
    runId: asRunId(`r${number}`),
    name: `run${number}`,
    submittedBy: options.fair ? `u${number % options.users}` : `u${world.rng.below(options.users)}`,
    idempotencyKey: key,
    digest: `d${number}`,
    waitForCapacity: !grouped,
    pool: world.pick(options.pools) ?? "default",
    tasks,
  };
}

interface Making {
  world: World;
  options: Options;
  index: number;
  tasks: readonly TaskSpec[];
  grouped: boolean;
}

function newTask(making: Making): TaskSpec {
  const { world, options, index, grouped } = making;
  const { features } = options;
  const ms = options.fair ? options.taskMs : Math.round(options.taskMs * (1 + world.rng.below(3)));
  const fate = options.fair ? "o0" : fateOf(world, features);
  const group = grouped && index < Math.min(3, options.workers.length) ? { group: "g" } : {};
  const common = {
    task_id: `t${index}.${ms}.${fate}`,
    priority: priorityOf(world, features),
    requirements: features.hardware ? hardwareOf(world) : {},
    timeout_seconds: fate.startsWith("h") ? 1 : world.chance(0.02) && features.failures ? ms / 1_500 : 1_800,
    retry_policy: { max_retries: world.rng.below(4), retry_delay_seconds: world.pick([0, 0.1, 2]) ?? 0 },
    depends_on: features.dependencies && !options.fair ? dependenciesOf(making) : [],
    labels: {},
    resources: "group" in group ? {} : resourcesOf(world, options),
    fallback: features.fallback && world.chance(0.4) ? fallbackOf(world) : [],
    ...group,
    ...(features.preemption || world.chance(0.5) ? {} : { preemptible: false }),
    ...(features.hedging && world.chance(0.7) ? { hedge: true } : {}),
  };
  if (common.fallback.length > 0) common.requirements = { ...common.requirements, hardware: ["mps"] };
  return withType(world, features, { common, ms });
}

function withType(
  world: World,
  features: Options["features"],
  { common, ms }: { common: Omit<TaskSpec, "type" | "config">; ms: number },
): TaskSpec {
  const kind = features.exclusive ? world.rng.below(4) : 2;
  if (kind > 1 || common.group !== undefined)
    return { ...common, type: "command", config: { command: `work ${ms}`, env: {}, artifacts: [] } };
  const config = {
    model: `model${ms}`,
    batch_sizes: [1],
    precision: "fp32" as const,
    iterations: 10,
    min_duration_seconds: 0,
    warmup_iterations: 3,
    seed: 0,
  };
  return { ...common, type: kind === 0 ? "benchmark" : "model", config };
}

function fateOf(world: World, features: Options["features"]): string {
  if (features.poison && world.chance(0.04)) return world.chance(0.5) ? "k9" : "k1";
  if (features.hangs && world.chance(0.04)) return "h1";
  if (!features.failures || world.chance(0.6)) return "o0";
  return `${world.pick(Object.keys(FATES)) ?? "c"}${world.between(1, 4)}`;
}

function priorityOf(world: World, features: Options["features"]): number {
  return features.priorities ? (world.pick([0, 10, 45, 49, 50, 51, 52, 55, 60, 90, 100]) ?? 50) : 50;
}

function hardwareOf(world: World): TaskSpec["requirements"] {
  switch (world.rng.below(6)) {
    case 0:
      return { hardware: ["cuda"] };
    case 1:
      return { hardware: ["cuda", "cpu"] };
    case 2:
      return { min_memory_gb: 8 };
    case 3:
      return { hardware: ["cpu"] };
    default:
      return {};
  }
}

function fallbackOf(world: World): TaskSpec["fallback"] {
  const first = { hardware: ["cpu" as const], after_seconds: world.pick([0, 1, 5]) ?? 1 };
  return world.chance(0.5)
    ? [first]
    : [
        { hardware: ["dml"], after_seconds: 0.5 },
        { ...first, after_seconds: 6 },
      ];
}

function dependenciesOf({ world, index, tasks, grouped }: Making): TaskSpec["depends_on"] {
  if (index === 0 || world.chance(0.5) || (grouped && index < 3)) return [];
  const conditions: DependencyCondition[] = ["success", "success", "success", "failure", "always"];
  const names = [world.pick(tasks)?.task_id, world.pick(tasks)?.task_id].filter((name) => name !== undefined);
  return [...new Set(names)].map((task) =>
    world.chance(0.5) ? task : { task, condition: world.pick(conditions) ?? "success" },
  );
}

function resourcesOf(world: World, options: Options): TaskSpec["resources"] {
  const { features, workers } = options;
  const gpus = workers[0]?.capabilities.gpus.length ?? 0;
  return {
    ...(features.resources && world.chance(0.5) ? { cpu: world.between(1, 8), memory_gb: world.between(1, 8) } : {}),
    ...(features.gpus && world.chance(0.5)
      ? world.chance(0.5)
        ? { gpu: world.between(1, gpus) }
        : { gpu_memory_gb: world.between(1, 8) }
      : {}),
    ...(features.exclusive && world.chance(0.1) ? { exclusive: true } : {}),
    ...(features.locks && world.chance(0.4) ? { locks: [`lock${world.rng.below(3)}`] } : {}),
  };
}
