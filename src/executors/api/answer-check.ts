import { isDeepStrictEqual } from "node:util";
import { Ajv } from "ajv";
import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { JsonValue } from "../../base/index.ts";
import { errorMessage } from "../../base/index.ts";
import type { ApiConfig } from "../../contracts/index.ts";
import type { AnswerHead } from "./exchange.ts";
import type { Excerpt } from "./excerpt.ts";
import { valueAt } from "./json-path.ts";
import { ProblemError } from "./problem.ts";

type Expectations = ApiConfig["expect"];

/** Looks whether an answer is what was expected. Each method throws a ProblemError when it is not. */
export class AnswerCheck {
  /** Whether anybody asks for the body. */
  readonly readsBody: boolean;
  private readonly expect: Expectations;
  private readonly headers: [string, string | RegExp][];
  private readonly pattern: RegExp | undefined;
  private readonly schema: ValidateFunction | undefined;
  private readonly excerpt: Excerpt;

  /** @throws when the JSON Schema is none */
  constructor(expect: Expectations, excerpt: Excerpt) {
    this.expect = expect;
    this.excerpt = excerpt;
    this.headers = Object.entries(expect.headers).map(([name, value]) => [
      name.toLowerCase(),
      typeof value === "string" ? value : new RegExp(value.matches, "u"),
    ]);
    this.pattern = expect.body_matches === undefined ? undefined : new RegExp(expect.body_matches, "u");
    this.schema = expect.json_schema === undefined ? undefined : compiled(expect.json_schema);
    this.readsBody = this.readsJson || expect.body_contains.length > 0 || this.pattern !== undefined;
  }

  head({ status, headers }: AnswerHead): void {
    const { expect, excerpt } = this;
    const expected = expect.status === undefined ? undefined : [expect.status].flat();
    if (expected === undefined ? status < 200 || status > 299 : !expected.includes(status)) {
      const wanted = expected === undefined ? "200 to 299" : expected.join(" or ");
      throw new ProblemError("status", `the status is ${status}, expected ${wanted}`);
    }
    for (const [name, wanted] of this.headers) {
      const found = [headers[name] ?? []].flat().join(", ");
      if (headers[name] === undefined) throw new ProblemError("header", `the answer has no header ${name}`);
      const fits = typeof wanted === "string" ? found === wanted : wanted.test(found);
      if (!fits)
        throw new ProblemError("header", `the header ${name} is "${excerpt(found)}", expected ${shown(wanted)}`);
    }
  }

  bytes(body: Uint8Array): void {
    if (this.readsBody) this.text(decoded(body));
  }

  text(body: string): void {
    const { expect, excerpt, pattern } = this;
    for (const part of expect.body_contains) {
      if (!body.includes(part)) {
        throw new ProblemError("body", `the body does not hold ${JSON.stringify(part)}: ${excerpt(body)}`);
      }
    }
    if (pattern !== undefined && !pattern.test(body)) {
      throw new ProblemError("body", `the body does not match ${shown(pattern)}: ${excerpt(body)}`);
    }
    if (this.readsJson) this.json(this.parsed(body));
  }

  private get readsJson(): boolean {
    return this.schema !== undefined || Object.keys(this.expect.json).length > 0;
  }

  private json(document: JsonValue): void {
    const { schema, excerpt } = this;
    if (schema !== undefined && !schema(document)) {
      const [first] = schema.errors ?? [];
      const at = first?.instancePath === "" ? "the body" : excerpt(first?.instancePath ?? "");
      throw new ProblemError("json_schema", `${at} ${excerpt(first?.message ?? "does not fit the schema")}`);
    }
    for (const [path, wanted] of Object.entries(this.expect.json)) {
      const found = valueAt(document, path);
      if (!isDeepStrictEqual(found, wanted)) {
        const is = found === undefined ? "is not there" : `is ${excerpt(JSON.stringify(found))}`;
        throw new ProblemError("json_value", `${path} ${is}, expected ${JSON.stringify(wanted)}`);
      }
    }
  }

  private parsed(body: string): JsonValue {
    try {
      return JSON.parse(body) as JsonValue;
    } catch {
      throw new ProblemError("invalid_json", `the body is not JSON: ${this.excerpt(body)}`);
    }
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ProblemError("invalid_utf8", "the body is not UTF-8");
  }
}

function compiled(schema: boolean | Record<string, unknown>): ValidateFunction {
  const dialect = typeof schema === "object" ? schema["$schema"] : undefined;
  // Without `strict` it takes what the standard takes; formats are notes there.
  const options = { strict: false, logger: false, validateFormats: false, addUsedSchema: false } as const;
  const ajv = typeof dialect === "string" && dialect.includes("draft-07") ? new Ajv(options) : new Ajv2020(options);
  try {
    return ajv.compile(schema);
  } catch (error) {
    throw new Error(`expect.json_schema is not a JSON Schema: ${errorMessage(error)}`, { cause: error });
  }
}

function shown(wanted: string | RegExp): string {
  return typeof wanted === "string" ? JSON.stringify(wanted) : `a match of ${wanted.source}`;
}
