import { resolve } from "node:path";
import { Option } from "commander";
import type { Command } from "commander";
import { analyseSeries } from "../../reports/index.ts";
import type { SeriesAnalysis } from "../../reports/index.ts";
import { readSeries } from "../../results/index.ts";
import type { Cli } from "../cli.ts";
import { fraction, wholeNumber } from "../option-values.ts";
import { countText } from "../quantities.ts";

interface Options {
  column?: string;
  better: "lower" | "higher";
  leastChange: number;
  period?: number;
  ahead: number;
}

const MOST_ANOMALIES = 10;

export function addAnalyzeCommand(program: Command, cli: Cli): void {
  cli
    .command(program, "analyze", "change points, steps, trend, anomalies and a forecast of a series in a file")
    .argument("<file>", "CSV or JSON with a column `value`, and one of `time` or `commit`")
    .option("--column <name>", "the column of values")
    .addOption(new Option("--better <word>", "which values are good").choices(["lower", "higher"]).default("lower"))
    .option("--least-change <part>", "smallest change that counts, as part of the level before", fraction, 0.01)
    .option("--period <values>", "values after which a season comes again, e.g. 7", wholeNumber(2, 10_000))
    .option("--ahead <values>", "values to forecast", wholeNumber(1, 1_000), 5)
    .action(
      cli.action<Options>(async ({ args, options, context, screen }) => {
        const file = resolve(context.cwd, args[0] ?? "");
        const series = await readSeries(file, options.column);
        const analysis = analyseSeries(series, options);
        screen.result(() => lines(analysis), { ...analysis });
        return undefined;
      }),
    );
}

const number = (value: number): string => String(Number(value.toPrecision(4)));

function percent(change: number | null): string {
  return change === null ? "from 0" : `${change > 0 ? "+" : ""}${(100 * change).toFixed(1)} %`;
}

function lines(found: SeriesAnalysis): string[] {
  const { level, change_points: points, newest_step: step, trend, anomalies, forecast } = found;
  const between =
    level.interval === null ? "" : `, between ${number(level.interval.low)} and ${number(level.interval.high)} (95 %)`;
  const changes = points.map(
    (point) =>
      `  ${point.verdict} ${percent(point.change)} at ${point.label}: ${number(point.before)} to ${number(point.after)} (p ${number(point.p)})`,
  );
  const next = forecast?.points ?? [];
  return [
    `${countText(found.count, "value")}; the level since ${level.since} is ${number(level.median)}${between}`,
    points.length === 0 ? "no change point" : `${countText(points.length, "change point")}:`,
    ...changes,
    ...(step === null
      ? []
      : [`perhaps ${step.verdict} ${percent(step.change)} since ${step.label}: too new to be sure`]),
    ...(trend === null || trend.p > 0.05
      ? ["no trend since then"]
      : [`trend: ${number(trend.slope)} a ${trend.per} (p ${number(trend.p)})`]),
    ...anomalies
      .slice(-MOST_ANOMALIES)
      .map(
        ({ label, value, expected }) =>
          `unlike its neighbours: ${number(value)} at ${label}, expected about ${number(expected)}`,
      ),
    ...(anomalies.length > MOST_ANOMALIES ? [`and ${anomalies.length - MOST_ANOMALIES} more before`] : []),
    ...next.map(
      ({ ahead, value, interval95: { low, high } }) =>
        `in ${ahead}: ${number(value)}, between ${number(low)} and ${number(high)} (95 %)`,
    ),
  ];
}
