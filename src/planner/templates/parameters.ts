import { assayError } from "../../contracts/index.ts";
import type { ParameterItem, ParameterValue, Template, TemplateParameter } from "../../contracts/index.ts";

/** Values as texts of a command line have them; a list with commas. */
export type GivenParameters = Readonly<Record<string, string>>;
export type ParameterValues = Readonly<Record<string, ParameterValue>>;

/** The value of every parameter: what is given, or its default. Error: bad_parameter, which names it. */
export function parameterValues({ name, parameters }: Template, given: GivenParameters): ParameterValues {
  const unknown = Object.keys(given).find((one) => !Object.hasOwn(parameters, one));
  if (unknown !== undefined) {
    const known = Object.keys(parameters).join(", ") || "none";
    throw assayError("bad_parameter", `template ${name} has no parameter ${unknown}; it has ${known}`, {
      path: unknown,
    });
  }
  const values = Object.entries(parameters).map(([key, rule]): [string, ParameterValue] => {
    const text = given[key];
    if (text !== undefined) return [key, checked(key, rule, fromText(key, rule, text))];
    if (rule.default !== undefined) return [key, checked(key, rule, rule.default)];
    throw refusal(key, "has no default and must be given");
  });
  return Object.fromEntries(values);
}

/** Checks the rule itself. Error: bad_parameter. */
export function checkParameter(key: string, rule: TemplateParameter): void {
  if (rule.type === undefined) throw refusal(key, "has no type");
  const isNumeric = rule.type === "integer" || rule.type === "number";
  if (!isNumeric && (rule.min ?? rule.max) !== undefined)
    throw refusal(key, `is a ${rule.type} and can have no bounds`);
  if ((rule.min ?? -Infinity) > (rule.max ?? Infinity)) throw refusal(key, "has a min above its max");
  const { choices: _choices, ...bare } = rule;
  for (const choice of rule.choices ?? []) checkItem(key, bare, choice);
  if (rule.default !== undefined) checked(key, rule, rule.default);
}

function fromText(key: string, rule: TemplateParameter, text: string): ParameterValue {
  if (rule.list === true) return text.split(",").map((part) => itemFromText(key, rule, part.trim()));
  return itemFromText(key, rule, text);
}

function itemFromText(key: string, { type }: TemplateParameter, text: string): ParameterItem {
  if (type === "string") return text;
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  const number = Number(text);
  if (type === "boolean" || text.trim() === "" || !Number.isFinite(number)) throw wrongType(key, type, text);
  return number;
}

function checked(key: string, rule: TemplateParameter, value: ParameterValue): ParameterValue {
  if (value === null) return value;
  if (Array.isArray(value) !== (rule.list === true))
    throw refusal(key, rule.list === true ? "must be a list" : "must be a single value");
  const items = Array.isArray(value) ? value : [value];
  if (items.length === 0) throw refusal(key, "must have at least one item");
  for (const item of items) checkItem(key, rule, item);
  return value;
}

function checkItem(key: string, { type, choices, min, max }: TemplateParameter, item: ParameterItem): void {
  const isRight = type === "integer" ? Number.isSafeInteger(item) : typeof item === type;
  if (!isRight) throw wrongType(key, type, item);
  if (choices !== undefined && !choices.includes(item))
    throw refusal(key, `must be one of ${choices.join(", ")}, not ${item}`);
  if (typeof item !== "number") return;
  if (min !== undefined && item < min) throw refusal(key, `must be at least ${min}, not ${item}`);
  if (max !== undefined && item > max) throw refusal(key, `must be at most ${max}, not ${item}`);
}

const typeTexts = { string: "a text", integer: "a whole number", number: "a number", boolean: "true or false" };

function wrongType(key: string, type: TemplateParameter["type"], value: ParameterItem): Error {
  return refusal(key, `must be ${typeTexts[type ?? "string"]}, not ${value}`);
}

function refusal(key: string, complaint: string): Error {
  return assayError("bad_parameter", `parameter ${key} ${complaint}`, { path: key });
}
