import { createServer } from "node:http";
import { afterEach, expect, test } from "vitest";
import { errorCatalogue } from "../../contracts/index.ts";
import type { ErrorCode, WorkerCommandView } from "../../contracts/index.ts";
import { exitCodes } from "../exit-codes.ts";
import { askAt } from "./command-acceptance.ts";

const asked: WorkerCommandView = {
  command_id: "c",
  worker_id: "w",
  action: "stop",
  state: "accepted",
  deadline_seconds: null,
  version: null,
  requested_by: "me",
  reason: "asked by a person",
  create_time: "2026-01-01T00:00:00.000Z",
  message: null,
};
let refusal: [status: number, code: ErrorCode];
const server = createServer((request, response) => {
  const answer = (status: number, body: object): void =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  const [status, code] = refusal;
  if (request.method === "POST") answer(200, asked);
  else if (!request.url?.endsWith("/commands")) answer(200, { items: [], next_cursor: null });
  else answer(status, { error: { code, message: "no", next: errorCatalogue[code].next } });
});
afterEach(() => void server.close());

test("a worker that is forgotten has stopped; whatever else keeps from looking tells nothing of it", async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  let out = "";
  const stop = (): Promise<number> =>
    askAt(server, ["worker", "stop", "w", "--wait", "--json"], (part) => (out += part));
  refusal = [404, "not_found"];
  expect(await stop()).toBe(exitCodes.ok);
  expect(JSON.parse(out)).toMatchObject({ command: { state: "done" } });
  out = "";
  refusal = [401, "token_expired"];
  expect(await stop()).toBe(exitCodes.usage);
  expect(JSON.parse(out)).toMatchObject({ error: { code: "token_expired" } });
});
