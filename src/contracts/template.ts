import { z } from "zod";
import { err, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import { fault } from "./assay-fault.ts";
import type { Fault } from "./assay-fault.ts";
import { hardware } from "./task.ts";

/** How the names of the templates begin that come with Assay; no other may. */
export const BUILT_IN_PREFIX = "assay/";
/** As JSON: a template is written by hand. */
export const MAX_TEMPLATE_BYTES = 32 * 1024;
/** A coordinator keeps so many versions of templates, of all names together. */
export const MAX_TEMPLATE_VERSIONS = 1_000;

const NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}";
const nameRule = "must start with a letter or digit and hold only letters, digits and . _ -";

/** Name of a template that a coordinator keeps. */
export const templateName = z.string().regex(new RegExp(`^${NAME}$`), nameRule);

const reference = z
  .string()
  .regex(
    new RegExp(`^(${BUILT_IN_PREFIX})?${NAME}(@[1-9]\\d{0,8})?$`),
    "must be the name of a template, or name@version",
  );

/** Also the names of placeholders. */
const parameterName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, "must start with a small letter and hold only small letters, digits and _");

export const parameterTypes = ["string", "integer", "number", "boolean"] as const;
const single = z.union([z.string().max(1_000), z.number(), z.boolean()]);
export type ParameterItem = z.infer<typeof single>;
/** What a parameter stands for; null: for nothing, so that a field made of it alone is left out. */
export type ParameterValue = ParameterItem | ParameterItem[] | null;

/** In a template that extends another, what is left out is as in that one. */
export const templateParameter = z.strictObject({
  type: z.enum(parameterTypes).optional(),
  list: z.boolean().optional().describe("Whether it is a list of such values; the other rules are for each of them"),
  description: z.string().max(500).optional(),
  default: z
    .union([single, z.array(single).max(100), z.null()])
    .optional()
    .describe("Without one it must be given; null: what needs it is left out"),
  choices: z.array(single).min(1).max(100).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
});
export type TemplateParameter = z.infer<typeof templateParameter>;

const names = z.array(z.string().min(1).max(100)).min(1).max(200);

/** What a template is for; a part that is left out leaves nothing out. */
const applicability = z.strictObject({
  architectures: names.optional().describe("As `assay models` tells them, e.g. decoder-only"),
  families: names.optional().describe("As in `model_type` of config.json, e.g. bert"),
  hardware: z.array(hardware).min(1).optional(),
  backends: names.optional().describe("E.g. ort-node/cpu"),
});

/** A task of a suite, with `${{ name }}` for parameters and for what the generator knows. */
export const templateTask = z
  .object({ task_id: templateName.describe("Within the template; ids of suites also name model and hardware") })
  .catchall(z.json());
export type TemplateTask = z.infer<typeof templateTask>;

/** What makes tasks for a model on a platform. */
export const template = z.strictObject({
  name: z.string().regex(new RegExp(`^(${BUILT_IN_PREFIX})?${NAME}$`), nameRule),
  description: z.string().max(500).default(""),
  extends: reference
    .optional()
    .describe("The template whose parts it has unless it says otherwise; name or name@version"),
  applies_to: applicability.default({}),
  parameters: z
    .record(parameterName, templateParameter)
    .refine((record) => Object.keys(record).length <= 64, "must hold at most 64 parameters")
    .default({}),
  tasks: z.array(templateTask).max(100).default([]),
});
export type Template = z.infer<typeof template>;
export type TemplateInput = z.input<typeof template>;

/** What a coordinator takes: any but the names that are built in. */
export const addTemplateRequest = template.extend({ name: templateName });

const version = z.int().min(1).describe("1 for the first; numbers go on when a template was removed");
const origin = { create_time: z.iso.datetime(), created_by: z.string() };
export const templateView = z.strictObject({ name: templateName, version, ...origin, template });
export type TemplateView = z.infer<typeof templateView>;
export const templateSummary = z.strictObject({
  name: templateName,
  version: version.describe("The newest"),
  description: z.string(),
  extends: z.string().nullable(),
  ...origin,
});
export type TemplateSummary = z.infer<typeof templateSummary>;
export const templatesResponse = z.strictObject({ items: z.array(templateSummary) });
export const templateQuery = z.strictObject({ version: z.coerce.number().int().min(1).optional() });

export function isBuiltInTemplate(nameOrReference: string): boolean {
  return nameOrReference.startsWith(BUILT_IN_PREFIX);
}

/** The parts of `name` and `name@version`; without a version the newest is meant. */
export function templateReference(text: string): { name: string; version: number | undefined } {
  const [name = "", number] = text.split("@");
  return { name, version: number === undefined ? undefined : Number(number) };
}

/** A template as a link of a chain. */
export interface TemplateLink {
  /** Name and version: the same for the same template. */
  readonly id: string;
  /** What it extends. */
  readonly parent: string | undefined;
}

/** A template and all that it extends, itself first. Faults: unknown_template, template_cycle. */
export function templateChain<Link extends TemplateLink>(
  first: Link,
  find: (reference: string) => Link | undefined,
): Result<Link[], Fault> {
  const chain = [first];
  for (let { parent, id } = first; parent !== undefined;) {
    const next = find(parent);
    if (next === undefined) {
      const message = `${id} extends ${parent}, which there is not`;
      return err(fault("unknown_template", message, { path: "extends" }));
    }
    if (chain.some((one) => one.id === next.id)) {
      const circle = [...chain, next].map((one) => one.id).join(" → ");
      return err(fault("template_cycle", `templates extend each other in a circle: ${circle}`, { path: "extends" }));
    }
    chain.push(next);
    ({ parent, id } = next);
  }
  return ok(chain);
}
