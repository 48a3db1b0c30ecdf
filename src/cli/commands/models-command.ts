import type { Command } from "commander";
import { assayError } from "../../contracts/index.ts";
import { architectures, findModel, knownFamilies, listModels, memoryBytes } from "../../models/index.ts";
import { nearest, nearMatches, sizedPrecisions } from "../../models/index.ts";
import type { CatalogueEntry } from "../../models/index.ts";
import { measureText } from "../../reports/index.ts";
import type { Cli } from "../cli.ts";
import { countText } from "../quantities.ts";
import { renderTable } from "../table.ts";
import type { Column } from "../table.ts";

interface Options {
  architecture?: string;
  modelFamily?: string;
  hub?: boolean;
}

export function addModelsCommand(program: Command, cli: Cli): void {
  cli
    .command(program, "models", "list the models that have a name, or tell about one")
    .argument("[name]", "id or alias of a model")
    .option("--architecture <name>", `only one of ${architectures.join(", ")}`)
    .option("--model-family <name>", "only one family, as in `model_type` of config.json: bert, t5, whisper, …")
    .option("--hub", "also models that have to be fetched from the hub")
    .action(
      cli.action<Options>(({ screen, args: [name], options }) => {
        if (name !== undefined) {
          const entry = namedModel(name);
          screen.result(() => modelLines(entry), modelDocument(entry));
          return Promise.resolve(undefined);
        }
        const { shown, onHub } = chosenEntries(options);
        const look = { style: screen.outStyle, width: screen.width };
        screen.result(() => renderTable(columns, shown.map(row), look), { models: shown.map(modelDocument) });
        if (!screen.json && onHub > 0) screen.info(`${countText(onHub, "model")} more on the hub: add --hub`);
        return Promise.resolve(undefined);
      }),
    );
}

function namedModel(name: string): CatalogueEntry {
  const entry = findModel(name);
  if (entry !== undefined) return entry;
  throw assayError("unknown_model", `no model has the name ${name}. Near: ${nearMatches(name).join(", ")}`);
}

/** The models that the options choose, and how many of them are left out because they are on the hub. */
function chosenEntries({ architecture, modelFamily, hub = false }: Options): {
  shown: readonly CatalogueEntry[];
  onHub: number;
} {
  if (architecture !== undefined) refuseUnknown("architecture", architecture, architectures);
  if (modelFamily !== undefined) refuseUnknown("model family", modelFamily, knownFamilies);
  const chosen = listModels().filter(
    (entry) =>
      (architecture === undefined || entry.architecture === architecture) &&
      (modelFamily === undefined || entry.family === modelFamily),
  );
  const shown = chosen.filter(({ origin }) => hub || origin.source === "generated");
  const onHub = chosen.length - shown.length;
  if (shown.length > 0) return { shown, onHub };
  const what = [architecture, modelFamily].filter((word) => word !== undefined).join(" and ");
  throw assayError("nothing_matched", `no model that works offline is ${what}`, {
    next:
      onHub > 0
        ? "Add --hub for models of the hub."
        : "Give the id of a model on the hub (organisation/name) or the path of a model folder to `assay matrix --models`.",
  });
}

function refuseUnknown(what: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const near = nearest(name, known);
  const hint = near.length > 0 ? `. Near: ${near.join(", ")}` : "";
  throw assayError("usage", `no ${what} has the name ${name}${hint}`, {
    next: what === "architecture" ? `Take one of ${known.join(", ")}.` : "`assay models --hub` shows the families.",
  });
}

const columns: readonly Column[] = [
  { header: "MODEL" },
  { header: "ARCHITECTURE" },
  { header: "FAMILY" },
  { header: "PARAMS", align: "right" },
  ...sizedPrecisions.map((precision) => ({ header: precision.toUpperCase(), align: "right" as const })),
  { header: "MEMORY", align: "right" },
  { header: "FROM" },
  { header: "WHAT" },
];

function row(entry: CatalogueEntry): string[] {
  return [
    ...[entry.id, entry.architecture, entry.family, `${measureText(entry.parameterCount / 1e6)} M`],
    ...sizedPrecisions.map((precision) => sizeText(entry, precision)),
    megabytes(memoryBytes(entry, "fp32")),
    ...[originText(entry), entry.summary],
  ];
}

/** Sizes of files on the hub are estimates. */
function sizeText({ fileBytes, origin }: CatalogueEntry, precision: (typeof sizedPrecisions)[number]): string {
  return `${origin.source === "hub" ? "~" : ""}${megabytes(fileBytes[precision])}`;
}

function megabytes(bytes: number): string {
  return `${measureText(bytes / 1e6)} MB`;
}

function originText({ origin }: CatalogueEntry): string {
  return origin.source === "generated" ? "made here" : `hub ${origin.repository}`;
}

function modelLines(entry: CatalogueEntry): string[] {
  const each = (text: (precision: (typeof sizedPrecisions)[number]) => string): string =>
    sizedPrecisions.map((precision) => `${precision} ${text(precision)}`).join(", ");
  return [
    `model         ${entry.id}`,
    `aliases       ${entry.aliases.join(", ") || "none"}`,
    `family        ${entry.family}`,
    `architecture  ${entry.architecture}`,
    `from          ${originText(entry)}`,
    `what          ${entry.summary}`,
    `parameters    ${measureText(entry.parameterCount / 1e6)} M`,
    `file          ${each((precision) => sizeText(entry, precision))}`,
    `memory        ${each((precision) => `~${megabytes(memoryBytes(entry, precision))}`)}; weights and one sample, without the runtime`,
  ];
}

function modelDocument(entry: CatalogueEntry): Record<string, unknown> {
  const { id, aliases, family, architecture, origin, summary, parameterCount, fileBytes } = entry;
  const repository = origin.source === "hub" ? { repository: origin.repository } : {};
  const memory = Object.fromEntries(sizedPrecisions.map((precision) => [precision, memoryBytes(entry, precision)]));
  return {
    model: id,
    aliases,
    family,
    architecture,
    source: origin.source,
    ...repository,
    summary,
    parameters: parameterCount,
    file_bytes: fileBytes,
    file_bytes_estimated: origin.source === "hub",
    memory_bytes_estimate: memory,
  };
}
