import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import type { TokenView } from "../../contracts/index.ts";
import { exitCodes } from "../exit-codes.ts";
import { runCli } from "../run-cli.ts";

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
  const coordinator = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let out = "";
  const code = await runCli(["token", "list", ...flags, "--coordinator", coordinator, "--token", "secret"], {
    env: {},
    cwd: tmpdir(),
    platform: "linux",
    stdout: { write: (part) => (out += part) },
    stderr: { write: () => true },
    clock: systemClock,
    interrupts: { signal: new AbortController().signal, exitCode: exitCodes.interrupted },
  });
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
