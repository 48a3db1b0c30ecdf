import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TokenView } from "../../contracts/index.ts";
import { exitCodes } from "../exit-codes.ts";
import { askAt } from "./command-acceptance.ts";

const items: TokenView[] = [
  { token_id: "t-1", name: "first-admin", role: "admin", worker_id: null, expires_at: null },
  { token_id: "t-2", name: "phone", role: "tab", worker_id: "tab-1", expires_at: "2026-01-08T00:00:00.000Z" },
];
const server = createServer((request, response) => {
  const [status, body] = request.url === "/api/v1/tokens" ? [200, { items }] : [404, {}];
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => void server.close());

async function list(...flags: string[]): Promise<string> {
  let out = "";
  const code = await askAt(server, ["token", "list", ...flags], (part) => (out += part));
  expect(code).toBe(exitCodes.ok);
  return out;
}

test("tokens are listed with whose they are, which worker they make, and until when they are good", async () => {
  const rows = (await list()).trimEnd().split("\n");
  expect(rows.map((row) => row.trimEnd().split(/ {2,}/))).toEqual([
    ["TOKEN", "NAME", "ROLE", "WORKER", "GOOD UNTIL"],
    ["t-1", "first-admin", "admin", "revoked"],
    ["t-2", "phone", "tab", "tab-1", "2026-01-08T00:00:00.000Z"],
  ]);
  expect(JSON.parse(await list("--json"))).toEqual({ tokens: items });
});
