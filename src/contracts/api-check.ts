import { z } from "zod";

/** More requests than this need several tasks. */
export const MAX_REQUESTS = 1_000_000;
const MAX_TEXT = 100_000;
/** What the worker sets itself, for every request. */
const OWN_HEADERS = new Set(["connection", "content-length", "expect", "keep-alive", "transfer-encoding", "upgrade"]);

const headerName = z
  .string()
  .max(200)
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "must be the name of a header");
const headerText = z
  .string()
  .max(8_192)
  .regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, "must hold only what a header may: Latin letters, no control characters");
const pattern = z
  .string()
  .max(1_000)
  .refine(isPattern, { message: "must be a regular expression (JavaScript, flag u)" });

/** A value that only the worker knows. The prefix keeps tasks from reading what its owner did not set out for them. */
const secret = z.strictObject({
  from_env: z
    .string()
    .regex(/^ASSAY_SECRET_[A-Z0-9_]{1,100}$/, "must be a name that starts with ASSAY_SECRET_")
    .describe("A variable in the environment of the worker; its value is in no result and no log"),
  prefix: headerText.default("").describe("Put before the value, e.g. 'Bearer '"),
});

const requestHeaders = z
  .record(headerName, z.union([headerText, secret]))
  .refine((headers) => Object.keys(headers).every((name) => !OWN_HEADERS.has(name.toLowerCase())), {
    message: `must not hold ${[...OWN_HEADERS].join(", ")}: the worker sets them`,
  })
  .refine(hasDistinctNames, { message: "names a header twice" });

const body = z
  .strictObject({
    json: z.json().optional().describe("Sent as JSON, with its content-type"),
    text: z.string().max(MAX_TEXT).optional().describe("Sent as it is, in UTF-8"),
  })
  .refine(({ json, text }) => (json === undefined) !== (text === undefined), { message: "must have json or text" });

const load = z
  .strictObject({
    requests: z.int().min(1).max(MAX_REQUESTS).optional().describe("So many, each when another has ended; default 1"),
    concurrency: z
      .int()
      .min(1)
      .max(1_024)
      .optional()
      .describe("Requests at once; default 1. With rate_per_second the most at once, default 256"),
    rate_per_second: z
      .number()
      .positive()
      .max(100_000)
      .optional()
      .describe(
        "Requests begin at this rate whether or not others have ended; latency counts from the planned beginning",
      ),
    duration_seconds: z.number().positive().max(86_400).optional().describe("How long, with rate_per_second"),
    warmup_requests: z
      .int()
      .min(0)
      .max(100_000)
      .default(0)
      .describe("Sent before, at the same concurrency, not counted"),
  })
  .refine(
    ({ rate_per_second, duration_seconds }) => (rate_per_second === undefined) === (duration_seconds === undefined),
    {
      path: ["duration_seconds"],
      message: "rate_per_second and duration_seconds belong together",
    },
  )
  .refine(({ requests, rate_per_second }) => requests === undefined || rate_per_second === undefined, {
    path: ["requests"],
    message: "contradicts rate_per_second, which with duration_seconds says how many",
  })
  .refine(({ rate_per_second = 0, duration_seconds = 0 }) => rate_per_second * duration_seconds <= MAX_REQUESTS, {
    path: ["duration_seconds"],
    message: `gives more than ${MAX_REQUESTS} requests`,
  });

const milliseconds = z.number().positive().max(86_400_000).optional();
const limitsMs = z
  .strictObject({ p50: milliseconds, p90: milliseconds, p95: milliseconds, p99: milliseconds, max: milliseconds })
  .describe("At most so many milliseconds. A percentile needs samples: p50 11, p90 64, p95 130, p99 662");
export type LatencyLimits = z.infer<typeof limitsMs>;

const status = z.int().min(100).max(599);
const expectations = z.strictObject({
  status: z
    .union([status, z.array(status).min(1).max(50)])
    .optional()
    .describe("Of the answer, or a list of which it is one; default: any from 200 to 299"),
  headers: z
    .record(headerName, z.union([headerText, z.strictObject({ matches: pattern })]))
    .default({})
    .describe("Headers of the answer: a value, or a regular expression that it matches"),
  json_schema: z
    .union([z.boolean(), z.record(z.string(), z.json())])
    .optional()
    .describe("JSON Schema of the body: 2020-12, or draft-07 where $schema says so"),
  json: z
    .record(z.string().min(1).max(500), z.json())
    .default({})
    .describe("Values in the body by their path, e.g. choices.0.message.role"),
  body_contains: z.array(z.string().min(1).max(MAX_TEXT)).max(100).default([]).describe("Texts that the body holds"),
  body_matches: pattern.optional().describe("A regular expression that the body matches"),
  latency_ms: limitsMs.optional(),
  ttft_ms: limitsMs.optional(),
  tpot_ms: limitsMs.optional(),
  max_error_rate: z.number().min(0).max(1).default(0).describe("Part of the requests that may fail"),
});

/** What an `api` task sends, and what must come back. */
export const apiConfig = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(8_192)
      .refine((text) => !/^https?:\/\/[^/?#]*@/i.test(text), {
        message: "must hold no user and password: use headers with from_env",
      }),
    method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]).default("GET"),
    headers: requestHeaders.default({}),
    body: body.optional(),
    stream: z
      .boolean()
      .default(false)
      .describe("The answer is a stream of server-sent events, whose first and further tokens are timed"),
    request_timeout_seconds: z
      .number()
      .positive()
      .max(86_400)
      .default(30)
      .describe("Of each request, to its last byte"),
    max_redirects: z.int().min(0).max(20).default(0).describe("Followed; secrets go to no other origin"),
    max_body_mb: z.number().positive().max(1_000).default(16).describe("Of an answer, unpacked; a longer one fails"),
    load: load.prefault({}),
    expect: expectations.prefault({}),
  })
  .refine(
    ({ stream, expect }) => !stream || (expect.json_schema === undefined && Object.keys(expect.json).length === 0),
    {
      path: ["expect"],
      message: "json_schema and json are for whole answers, not for streams",
    },
  )
  .refine(({ stream, expect }) => stream || (expect.ttft_ms === undefined && expect.tpot_ms === undefined), {
    path: ["expect"],
    message: "ttft_ms and tpot_ms are for streams: set stream to true",
  });
export type ApiConfig = z.infer<typeof apiConfig>;

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "u") instanceof RegExp;
  } catch {
    return false;
  }
}

function hasDistinctNames(headers: object): boolean {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  return new Set(names).size === names.length;
}
