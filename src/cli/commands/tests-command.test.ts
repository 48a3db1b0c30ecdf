import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KnownTest, TestView } from "../../contracts/index.ts";
import { exitCodes } from "../exit-codes.ts";
import { askAt } from "./command-acceptance.ts";

const view = (test_id: string, more: Partial<TestView>): TestView => ({
  ...{ run_id: "r", task_id: "t", attempt: 1, worker_id: "w", machine_class: "m", framework: "pytest", directory: "." },
  ...{ workspace: null, file: null, outcome: "passed", duration_seconds: 1, retries: 0, muted: false, message: null },
  ...{ output: null, libraries: null, end_time: "2026-01-01T00:00:00.000Z", test_id, ...more },
});
const items = [
  view("quick", { duration_seconds: 0.1, libraries: { torch: "real", numpy: "mocked" } }),
  view("slow\n\u001b[31m", { duration_seconds: 70, outcome: "failed" }),
  view("shaky", { retries: 1 }),
  view("quiet", { outcome: "failed", muted: true, libraries: { torch: "missing" } }),
];
const known = items.map(({ test_id }): KnownTest => ({
  ...{ test_id, expected_seconds: 1, last_outcome: "passed", last_count: 1, last_failures: 0 },
  flaky_probability: test_id === "shaky" ? 0.97 : 0.1,
  evidence: { passes: 3, failures: 1, codes: 2, differing_codes: 1, passes_after_retries: 1 },
}));
const asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  const answer = request.method === "POST" ? { items: known } : { items, next_cursor: null };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => void server.close());

async function shown(...options: string[]): Promise<string[]> {
  let text = "";
  expect(await askAt(server, ["tests", ...options], (part) => (text += part))).toBe(exitCodes.ok);
  return text.trimEnd().split("\n").slice(1);
}

test("each test is told by sign and word, with what it saw of libraries", async () => {
  expect(await shown("r", "--outcome", "failed")).toMatchInlineSnapshot(`
    [
      "+ passed       0.1 s         torch + real, numpy x mocked  quick",
      "x failed  1 min 10 s                                       slow [31m",
      "! flaky        1.0 s                                       shaky",
      "- muted        1.0 s         torch - missing               quiet",
    ]
  `);
  expect(asked).toEqual(["GET /api/v1/tests?run_id=r&outcome=failed&limit=1000"]);
});

test("the slowest, those with stand-ins and the flaky ones are chosen, the last with their evidence", async () => {
  expect((await shown("--slowest", "1")).join()).toContain("slow");
  expect(await shown("--slowest", "1")).toHaveLength(1);
  expect((await shown("--mocked")).map((line) => line.split(" ").at(-1))).toEqual(["quick", "quiet"]);
  const flaky = await shown("--flaky");
  expect(flaky).toHaveLength(1);
  expect(flaky[0]).toContain("97 % (1 of 4 tries)");
});
