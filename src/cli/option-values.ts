import { InvalidArgumentError } from "commander";
import { hourlyPrice, identifier, MAX_BATCH_SIZE, taskTypes } from "../contracts/index.ts";
import type { HourlyPrice, TaskType } from "../contracts/index.ts";

/** Parsers of option values. Each throws commander's InvalidArgumentError, which becomes a usage error. */

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `12h`, `30d`; a number alone is seconds. Gives milliseconds. */
export function fraction(text: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value > 1) throw new InvalidArgumentError("A number from 0 to 1 is expected.");
  return value;
}

export function duration(text: string): number {
  const [, amount = "", unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const milliseconds = Number(amount) * (unitMs[unit] ?? 1);
  if (amount === "" || milliseconds <= 0)
    throw new InvalidArgumentError("It must be a time like 500ms, 30s, 5m, 12h or 30d.");
  return milliseconds;
}

/** Collects `key=value` of a repeatable option. */
export function keyValue(text: string, previous: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be key=value.");
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}

/** A name that can be part of an address: of a pool, say. */
export function idText(text: string): string {
  const { success, error } = identifier.safeParse(text);
  if (!success) throw new InvalidArgumentError(`It ${error.issues[0]?.message ?? "cannot be a name"}.`);
  return text;
}

/** Collects the names of a repeatable option. */
export function idList(text: string, previous: readonly string[] | undefined): string[] {
  return [...new Set([...(previous ?? []), idText(text)])];
}

/** Collects the task types of a repeatable option. */
export function taskTypeList(text: string, previous: readonly TaskType[] | undefined): TaskType[] {
  const type = taskTypes.find((one) => one === text);
  if (type === undefined) throw new InvalidArgumentError(`It must be one of ${taskTypes.join(", ")}.`);
  return [...new Set([...(previous ?? []), type])];
}

/** Items of a batch. */
export const batchSize = wholeNumber(1, MAX_BATCH_SIZE);

/** `1,4,16`, or the option several times, or several values after it. */
export function numberList(text: string, previous: readonly number[] | undefined): number[] {
  return [...(previous ?? []), ...text.split(",").map((part) => batchSize(part.trim()))];
}

/** `0.35`, `0.35EUR`, `0.35 EUR`; a number alone is in US dollars. */
export function price(text: string): HourlyPrice {
  const [, amount = "", currency = "USD"] = /^(\d+(?:\.\d+)?) ?([A-Z]{3})?$/.exec(text) ?? [];
  const { success, data } = hourlyPrice.safeParse({ amount: amount === "" ? null : Number(amount), currency });
  if (!success) throw new InvalidArgumentError("It must be an amount from 0 to 1000000, like 0.35 or 0.35EUR.");
  return data;
}

export function httpUrl(text: string): string {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError("It must be an address like http://host:7777.");
  return url.origin;
}
