import type { Command } from "commander";
import { stringify } from "yaml";
import { templateReference } from "../../contracts/index.ts";
import type { TemplateParameter } from "../../contracts/index.ts";
import { checkTemplate, loadTemplate, valueText } from "../../planner/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { wholeNumber } from "../option-values.ts";
import { harmless } from "../style.ts";
import { renderTable } from "../table.ts";
import type { Column } from "../table.ts";
import { TemplateSource } from "../template-source.ts";

const columns: readonly Column[] = [
  { header: "TEMPLATE" },
  { header: "VERSION", align: "right" },
  { header: "EXTENDS" },
  { header: "BY" },
  { header: "WHAT" },
];

export function addTemplatesCommand(program: Command, cli: Cli): void {
  const templates = program.command("templates").description("what `assay generate` makes tests of").helpCommand(false);
  withConnection(cli.command(templates, "list", "show the newest version of each")).action(
    cli.action<ConnectionOptions>(list),
  );
  withConnection(cli.command(templates, "show", "print one as a file, with its parameters"))
    .argument("<name>", "name, as assay/test")
    .option("--version <number>", "default: the newest", wholeNumber(1, 1_000_000))
    .action(cli.action<ConnectionOptions & { version?: number }>(show));
  withConnection(cli.command(templates, "add", "keep a template, or a new version of one"))
    .argument("<file>", "template file (YAML or JSON)")
    .action(cli.action<ConnectionOptions>(add));
  withConnection(cli.command(templates, "remove", "remove a template with all its versions"))
    .argument("<name>", "name of the template")
    .action(cli.action<ConnectionOptions>(remove));
}

async function list(invocation: Invocation<ConnectionOptions>): Promise<undefined> {
  const { screen } = invocation;
  const source = new TemplateSource(invocation);
  const client = await source.client();
  const builtIn = source.builtIns.map((one) => ({
    name: one.name,
    version: null,
    description: one.description,
    extends: one.extends ?? null,
    created_by: null,
  }));
  const templates = [...builtIn, ...(client === null ? [] : await client.templates())];
  const rows = templates.map((one) => [
    ...[one.name, one.version === null ? "built in" : String(one.version), one.extends ?? ""],
    ...[harmless(one.created_by ?? ""), harmless(one.description)],
  ]);
  const look = { style: screen.outStyle, width: screen.width };
  screen.result(() => renderTable(columns, rows, look), { templates });
  if (client === null) screen.info("no coordinator is named or running here: these are built in");
  return undefined;
}

async function show(invocation: Invocation<ConnectionOptions & { version?: number }>): Promise<undefined> {
  const { args, options, screen } = invocation;
  const name = `${args[0]}${options.version === undefined ? "" : `@${options.version}`}`;
  const source = new TemplateSource(invocation);
  const own = await source.own(name);
  const { parameters } = await source.whole(own, name);
  const told = Object.entries(parameters).map(([key, rule]) => `#   ${key}: ${parameterText(rule)}`);
  const lines = [...stringify(own).trimEnd().split("\n"), "# parameters, inherited ones too:", ...told];
  screen.result(() => lines.map(harmless), { template: own, parameters });
  return undefined;
}

function parameterText({
  type,
  list: isList,
  default: usual,
  choices,
  min,
  max,
  description,
}: TemplateParameter): string {
  const parts = [
    `${isList === true ? "list of " : ""}${type}`,
    usual === undefined ? "must be given" : `default ${valueText(usual) || "none"}`,
    choices && `one of ${choices.join(", ")}`,
    min !== undefined && `from ${min}`,
    max !== undefined && `up to ${max}`,
    description,
  ];
  return parts.filter((part) => typeof part === "string").join("; ");
}

async function add(invocation: Invocation<ConnectionOptions>): Promise<undefined> {
  const { args, context, screen } = invocation;
  const client = await clientFor(invocation);
  const template = await loadTemplate(args[0] ?? "", context);
  // A circle through its own name is for the coordinator to see.
  if (template.extends !== undefined && templateReference(template.extends).name !== template.name)
    checkTemplate(await new TemplateSource(invocation).whole(template));
  const view = await client.addTemplate(template);
  screen.result(() => [`template ${view.name} version ${view.version}`], view);
  return undefined;
}

async function remove(invocation: Invocation<ConnectionOptions>): Promise<undefined> {
  const [name = ""] = invocation.args;
  await (await clientFor(invocation)).removeTemplate(name);
  invocation.screen.result(() => [`removed ${name}`], { removed: { name } });
  return undefined;
}
