import { architectures } from "../../models/index.ts";
import type { ModelFacts } from "../../models/index.ts";
import { assayError, dependencyTask, faultError, faultsFromIssues, taskSpec } from "../../contracts/index.ts";
import type { Dependency, Hardware, TaskSpec, TaskSpecInput, Template } from "../../contracts/index.ts";
import { dependencyFault } from "../dependency-fault.ts";
import { distinctNames } from "../distinct-names.ts";
import { estimateOf } from "./estimate.ts";
import type { Estimate } from "./estimate.ts";
import { checkParameter, parameterValues } from "./parameters.ts";
import type { GivenParameters, ParameterValues } from "./parameters.ts";
import { filled } from "./placeholders.ts";

/** A platform, or one way to run models on it. */
export interface Target {
  hardware: Hardware;
  backend?: string | undefined;
}

export interface Generation {
  /** With all that it inherits. */
  template: Template;
  parameters: GivenParameters;
  models: readonly ModelFacts[];
  targets: readonly Target[];
}

export interface GeneratedTask {
  /** As a suite has it: only what the template and the estimates say. */
  task: TaskSpecInput;
  estimate: Estimate;
}

const DEFAULT_PRIORITY = 50;
/** Below the gap at which work makes room for other work. */
const MOST_RAISED = 9;
/** A task may take so many times as long as expected before it is ended. */
const PATIENCE = 10;
const DEFAULT_TIMEOUT_SECONDS = 1_800;
const MAX_TIMEOUT_SECONDS = 604_800;

/**
 * The tasks of a template for each model on each target, named `model@target/task`. Each waits for those of its own model and target
 * that the template names. Errors: bad_parameter, template_mismatch, nothing_matched; invalid_field and unknown_field where
 * the template's task is none; missing_dependency, cyclic_dependency.
 */
export function expandTemplate({ template, parameters, models, targets }: Generation): GeneratedTask[] {
  checkTemplate(template);
  const values = parameterValues(template, parameters);
  if (template.tasks.length === 0) throw assayError("nothing_matched", `template ${template.name} has no tasks`);
  const names = distinctNames(models.map(({ name }) => name));
  const made = models.flatMap((model, index) =>
    targets.flatMap((target) => {
      refuseMismatch(template, model, target);
      return cell(template, { model, target, values, prefix: `${names[index]}@${target.backend ?? target.hardware}` });
    }),
  );
  const wrong = dependencyFault(made.map(({ spec }) => spec));
  if (wrong !== undefined) throw faultError(wrong);
  return made.map(({ task, estimate }) => ({ task, estimate }));
}

/** What is wrong whatever it is asked to make. */
export function checkTemplate({ name, parameters, applies_to: { architectures: named = [] } }: Template): void {
  for (const [key, rule] of Object.entries(parameters)) checkParameter(key, rule);
  const taken = GIVEN_NAMES.find((one) => Object.hasOwn(parameters, one));
  if (taken !== undefined)
    throw assayError("bad_parameter", `parameter ${taken} has a name that the generator gives itself`, { path: taken });
  const strange = named.find((one) => !architectures.some((known) => known === one));
  if (strange === undefined) return;
  const message = `template ${name} names the architecture ${strange}; there are ${architectures.join(", ")}`;
  throw assayError("invalid_field", message, { path: "applies_to.architectures" });
}

const GIVEN_NAMES = ["model", "family", "architecture", "hardware", "backend"];

function refuseMismatch({ name, applies_to: wanted }: Template, model: ModelFacts, target: Target): void {
  const facts: [keyof typeof wanted, string, string][] = [
    ["architectures", model.architecture, `${model.name} is ${model.architecture}`],
    ["families", model.family, `${model.name} is of the family ${model.family}`],
    ["hardware", target.hardware, `${target.hardware} was asked for`],
    ["backends", target.backend ?? "", `${target.backend ?? "no backend"} was asked for`],
  ];
  for (const [part, value, fact] of facts) {
    const allowed: readonly string[] | undefined = wanted[part];
    if (allowed === undefined || allowed.includes(value)) continue;
    throw assayError("template_mismatch", `template ${name} is for the ${part} ${allowed.join(", ")}; ${fact}`);
  }
}

interface Cell {
  model: ModelFacts;
  target: Target;
  values: ParameterValues;
  prefix: string;
}

/** Everything for one model on one target. */
function cell(template: Template, { model, target, values, prefix }: Cell): (GeneratedTask & { spec: TaskSpec })[] {
  const { name, family, architecture } = model;
  const { hardware, backend = null } = target;
  const known = { ...values, model: name, family, architecture, hardware, backend };
  const drafts = template.tasks.map((task) => filled(task, known) as Record<string, unknown>);
  const specs = drafts.map((draft) => parsed(template, { draft, target, prefix }));
  return specs.map(({ input, spec }) => {
    const isFirst = spec.depends_on.length === 0;
    const estimate = estimateOf(spec, { model, hardware, isFirst });
    const priority = Math.min(100, (input.priority ?? DEFAULT_PRIORITY) + Math.min(MOST_RAISED, heightOf(spec, specs)));
    // One form of a task stays that form.
    const task = { ...input, priority, ...needs(input, estimate) } as TaskSpecInput;
    return { task, spec, estimate };
  });
}

function parsed(
  template: Template,
  { draft, target, prefix }: { draft: Record<string, unknown>; target: Target; prefix: string },
): { input: TaskSpecInput; spec: TaskSpec } {
  const { hardware, backend } = target;
  const { task_id, depends_on, requirements, labels, ...rest } = draft;
  const own = (id: string): string => `${prefix}/${id}`;
  const input = {
    task_id: own(String(task_id)),
    ...rest,
    ...(Array.isArray(depends_on) ? { depends_on: depends_on.map((one) => renamed(one as Dependency, own)) } : {}),
    requirements: { hardware: [hardware], ...(backend === undefined ? {} : { backend }), ...(requirements as object) },
    labels: { template: template.name, ...(labels as object) },
  };
  const checked = taskSpec.safeParse(input);
  if (checked.success) return { input: input as unknown as TaskSpecInput, spec: checked.data };
  const [first] = faultsFromIssues(checked.error.issues, "task");
  throw assayError(
    first?.code ?? "invalid_field",
    `task ${String(task_id)} of template ${template.name}: ${first?.message}`,
  );
}

function renamed(one: Dependency, own: (id: string) => string): Dependency {
  return typeof one === "string" ? own(one) : { ...one, task: own(dependencyTask(one)) };
}

/** The longest chain of tasks that wait for this one, as far as it matters. */
function heightOf(spec: TaskSpec, specs: readonly { spec: TaskSpec }[], room = MOST_RAISED): number {
  if (room === 0) return 0;
  const waiting = specs.filter(({ spec: other }) =>
    other.depends_on.some((one) => dependencyTask(one) === spec.task_id),
  );
  return waiting.reduce((most, { spec: other }) => Math.max(most, 1 + heightOf(other, specs, room - 1)), 0);
}

/** What the estimate sets aside, where the template says nothing itself. */
function needs(input: TaskSpecInput, { memoryGb, seconds }: Estimate): Partial<TaskSpecInput> {
  const timeout = Math.min(MAX_TIMEOUT_SECONDS, Math.ceil(PATIENCE * (seconds ?? 0)));
  return {
    ...(memoryGb === null ? {} : { resources: { memory_gb: memoryGb, ...input.resources } }),
    ...(input.timeout_seconds === undefined && timeout > DEFAULT_TIMEOUT_SECONDS ? { timeout_seconds: timeout } : {}),
  };
}
