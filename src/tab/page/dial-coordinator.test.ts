import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { dialCoordinator } from "./dial-coordinator.ts";

// Node has the fetch and the WebSocket of browsers, too.
let server: Server | undefined;

async function listen(answer: RequestListener): Promise<string> {
  // A server that listens for upgrades and does nothing leaves them open.
  server = createServer(answer).on("upgrade", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const neverAnswers: RequestListener = () => undefined;
const knowsTheTab: RequestListener = (_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ worker_id: "tab-1", name: "phone", pool: "tabs" }));
};
const neverStopped = new AbortController().signal;

test.each([
  ["a request", neverAnswers],
  ["a handshake", knowsTheTab],
])("%s that is never answered is given up: nobody answers there", async (_what, answer) => {
  const url = await listen(answer);
  await expect(dialCoordinator({ url, token: "t", signal: neverStopped, limitMs: 100 })).rejects.toMatchObject({
    code: "coordinator_unreachable",
  });
});

test("what ends the work ends the attempt, with an answer that the work can tell", async () => {
  const stop = new AbortController();
  const url = await listen(() => stop.abort());
  await expect(dialCoordinator({ url, token: "t", signal: stop.signal })).rejects.toMatchObject({
    code: "coordinator_unreachable",
  });
});
