import { assert, canonicalJson, isoTime } from "../base/index.ts";
import {
  fault,
  isBuiltInTemplate,
  MAX_TEMPLATE_VERSIONS,
  templateChain,
  templateReference,
} from "../contracts/index.ts";
import type { Fault, JournalEvent, Template, TemplateLink, TemplateSummary, TemplateView } from "../contracts/index.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import type { State } from "./state.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;

/** It never changes. */
export interface TemplateVersion {
  readonly version: number;
  readonly template: Template;
  readonly atMs: number;
  readonly by: string;
}

/** All versions of a template, the oldest first; none when it was removed. */
export interface TemplateRecord {
  readonly name: string;
  /** The number that was given last: none is given twice. */
  last: number;
  versions: readonly TemplateVersion[];
}

/** A document that equals the newest version is that version. */
export function decideAddTemplate(state: State, { template, by }: Of<"add_template">, nowMs: number): Decision {
  const record = state.templates.get(template.name);
  const newest = record?.versions.at(-1);
  if (newest !== undefined && canonicalJson(newest.template) === canonicalJson(template))
    return { events: [], reply: { type: "template_added", added: newest } };
  const version = (record?.last ?? 0) + 1;
  const problem = checkRoom(state) ?? checkParents(state, template, version);
  if (problem) return refused(problem);
  return {
    events: [{ type: "template_added", template, version, by }],
    reply: { type: "template_added", added: { version, template, atMs: nowMs, by } },
  };
}

function checkRoom(state: State): Fault | undefined {
  let count = 0;
  // A removed one still has its number.
  for (const { versions } of state.templates.values()) count += Math.max(1, versions.length);
  if (count < MAX_TEMPLATE_VERSIONS) return undefined;
  return fault("conflict", `There are ${count} versions of templates, which is as many as are kept.`, {
    next: "Remove templates that nobody uses.",
  });
}

/** What is kept can always be resolved: a circle needs the newest link, so it is found where that is added. */
function checkParents(state: State, template: Template, version: number): Fault | undefined {
  const added = linkOf({ version, template });
  const chain = templateChain<TemplateLink>(added, (reference) => {
    // Those that are built in extend none of ours.
    if (isBuiltInTemplate(reference)) return { id: reference, parent: undefined };
    const wanted = templateReference(reference);
    if (wanted.name === template.name && (wanted.version ?? version) === version) return added;
    const found = templateAt(state, wanted.name, wanted.version);
    return found && linkOf(found);
  });
  return chain.ok ? undefined : chain.error;
}

function linkOf({ version, template }: Pick<TemplateVersion, "version" | "template">): TemplateLink {
  return { id: `${template.name}@${version}`, parent: template.extends };
}

/** Not while another extends it. */
export function decideRemoveTemplate(state: State, command: Of<"remove_template">): Decision {
  const { name } = command;
  if (templateAt(state, name) === undefined) return refused(fault("not_found", `There is no template ${name}.`));
  for (const { name: other, versions } of state.templates.values()) {
    const child = versions.find(
      ({ template }) => template.extends !== undefined && templateReference(template.extends).name === name,
    );
    if (child === undefined || other === name) continue;
    const message = `Template ${other} extends ${name} in its version ${child.version}.`;
    return refused(fault("conflict", message, { next: `Remove ${other} first.` }));
  }
  return done({ ...command, type: "template_removed" });
}

export function evolveTemplates(
  state: State,
  event: Extract<JournalEvent, { type: `template_${string}` }>,
  atMs: number,
): void {
  if (event.type === "template_removed") {
    const record = state.templates.get(event.name);
    assert(record, `template ${event.name} is known`);
    record.versions = [];
    return;
  }
  const { template, version, by } = event;
  const record = state.templates.get(template.name) ?? { name: template.name, last: 0, versions: [] };
  record.last = version;
  record.versions = [...record.versions, { version, template, atMs, by }];
  state.templates.set(template.name, record);
}

/** A version of a template, the newest unless one is named. */
export function templateAt(state: State, name: string, version?: number): TemplateVersion | undefined {
  const versions = state.templates.get(name)?.versions;
  return version === undefined ? versions?.at(-1) : versions?.find((one) => one.version === version);
}

export function templateView({ version, template, atMs, by }: TemplateVersion): TemplateView {
  return { name: template.name, version, create_time: isoTime(atMs), created_by: by, template };
}

/** The newest version of each, by name. */
export function templatesOf(state: State): TemplateSummary[] {
  return [...state.templates.values()]
    .flatMap(({ versions }) => versions.at(-1) ?? [])
    .map((newest) => {
      const { template, ...origin } = templateView(newest);
      return { ...origin, description: template.description, extends: template.extends ?? null };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
