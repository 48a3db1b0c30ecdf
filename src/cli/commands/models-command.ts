import type { Command } from "commander";
import { assayError } from "../../contracts/index.ts";
import { findModel, listModels } from "../../models/index.ts";
import type { CatalogueEntry } from "../../models/index.ts";
import type { Cli } from "../cli.ts";
import { renderTable } from "../table.ts";

export function addModelsCommand(program: Command, cli: Cli): void {
  cli
    .command(program, "models", "list the models that have a name, or tell about one")
    .argument("[name]", "id or alias of a model")
    .action(
      cli.action<object>(({ screen, args: [name] }) => {
        if (name === undefined) {
          const rows = listModels().map((entry) => [entry.id, entry.architecture, originText(entry), entry.summary]);
          const look = { style: screen.outStyle, width: screen.width };
          screen.result(() => renderTable(columns, rows, look), { models: listModels().map(modelDocument) });
          return Promise.resolve(undefined);
        }
        const entry = findModel(name);
        if (entry === undefined) throw assayError("unknown_model", `no model has the name ${name}`);
        screen.result(() => modelLines(entry), modelDocument(entry));
        return Promise.resolve(undefined);
      }),
    );
}

const columns = [{ header: "MODEL" }, { header: "ARCHITECTURE" }, { header: "FROM" }, { header: "WHAT" }];

function originText({ origin }: CatalogueEntry): string {
  return origin.source === "generated" ? "made here, offline" : `hub ${origin.repository}`;
}

function modelLines(entry: CatalogueEntry): string[] {
  return [
    `model         ${entry.id}`,
    `aliases       ${entry.aliases.join(", ") || "none"}`,
    `family        ${entry.family}`,
    `architecture  ${entry.architecture}`,
    `from          ${originText(entry)}`,
    `what          ${entry.summary}`,
  ];
}

function modelDocument({
  id,
  aliases,
  family,
  architecture,
  origin,
  summary,
}: CatalogueEntry): Record<string, unknown> {
  const repository = origin.source === "hub" ? { repository: origin.repository } : {};
  return { model: id, aliases, family, architecture, source: origin.source, ...repository, summary };
}
