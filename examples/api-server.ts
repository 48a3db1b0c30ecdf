// A small HTTP server for examples/api-checks.yaml. Start it with: node examples/api-server.ts [PORT]
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const TOKENS = ["It", " works", ",", " token", " by", " token", "."];

const server = createServer((request, response) => {
  const { method, url } = request;
  request.resume();
  if (url === "/health") json(response, 200, { status: "ok", models: [{ name: "tiny", ready: true }] });
  else if (url === "/v1/chat/completions" && method === "POST") void completion(response);
  else json(response, 404, { error: `there is no ${url}` });
});

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Streams as servers of language models do. */
async function completion(response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (chunk: object): void => void response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  send({ choices: [{ index: 0, delta: { role: "assistant" } }] });
  for (const content of TOKENS) {
    await delay(2);
    send({ choices: [{ index: 0, delta: { content } }] });
  }
  send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  send({ choices: [], usage: { completion_tokens: TOKENS.length } });
  response.end("data: [DONE]\n\n");
}

server.listen(Number(process.argv[2] ?? 8089), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
