import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { err, manualClock, ok } from "../../base/index.ts";
import { fault, MAX_FRAME_BYTES, SUBPROTOCOLS } from "../../contracts/index.ts";
import type { CloseReason } from "../../contracts/index.ts";
import type { Connection, Message } from "../connection.ts";
import { baseUrl, closeServer, until } from "../matrix-acceptance.ts";
import { WebSocketListener } from "../ws/web-socket-listener.ts";
import { dialFromPage } from "./dial-from-page.ts";

// Node has the WebSocket of browsers, too.
let server: Server;
let listener: WebSocketListener<string>;
let tokens: (string | null)[];
let ends: number[];
let accepted: Connection[];

beforeEach(async () => {
  [tokens, ends, accepted] = [[], [], []];
  server = createServer();
  listener = new WebSocketListener({
    server,
    clock: manualClock(),
    authenticate: async (token) => {
      tokens.push(token);
      return token === "t-1" ? ok(token) : err(fault("unauthenticated", "No."));
    },
    onConnection: (connection) => {
      accepted.push(connection);
      connection.attach({
        onMessage: (message) => connection.send(message),
        onFlushed: () => undefined,
        onViolation: () => undefined,
        onClosed: (code) => void ends.push(code),
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  await listener.close();
  await closeServer(server);
});

function note(connection: Connection): { messages: Message[]; ends: number[]; violations: CloseReason[] } {
  const noted = { messages: [] as Message[], ends: [] as number[], violations: [] as CloseReason[] };
  connection.attach({
    onMessage: (message) => void noted.messages.push(message),
    onFlushed: () => undefined,
    onViolation: (reason) => void noted.violations.push(reason),
    onClosed: (code) => void noted.ends.push(code),
  });
  return noted;
}

const dial = (token: string): Promise<Connection> =>
  dialFromPage({ url: baseUrl(server), token, subprotocols: SUBPROTOCOLS });

test("a page says who it is without a header, and messages come as they were sent", async () => {
  const connection = await dial("t-1");
  expect([tokens, connection.subprotocol]).toEqual([["t-1"], SUBPROTOCOLS[0]]);
  const { messages } = note(connection);
  connection.send("text");
  connection.send(Uint8Array.of(1, 2, 3));
  await until(() => expect(messages).toEqual(["text", Uint8Array.of(1, 2, 3)]));
  connection.terminate();
});

test("a refused page is told that nobody answers, and no token is ever the subprotocol", async () => {
  await expect(dial("wrong")).rejects.toMatchObject({ code: "coordinator_unreachable" });
  expect(new Set(tokens)).toEqual(new Set(["wrong"]));
});

test("a message is measured in bytes, whatever its characters are", async () => {
  const connection = await dial("t-1");
  const noted = note(connection);
  const [largest, more] = ["ü".repeat(MAX_FRAME_BYTES / 2), "ü".repeat(MAX_FRAME_BYTES / 2 + 1)];
  accepted[0]?.send(largest);
  accepted[0]?.send(more);
  await until(() => expect(noted.violations).toEqual(["frame_too_large"]));
  expect(noted.messages.map((message) => message === largest)).toEqual([true]);
  connection.terminate();
});

test.each([
  [1000, 1000],
  [1009, 4000],
  [4007, 4007],
])("close code %i reaches the other side as %i", async (code, arrives) => {
  const connection = await dial("t-1");
  const noted = note(connection);
  connection.close(code, "why");
  await until(() => expect([ends, noted.ends.length]).toEqual([[arrives], 1]));
});

test("looks for what has left until the connection is closed, whatever is unsent then", async () => {
  const sockets: EventTarget[] = [];
  class UnsentSocket extends EventTarget {
    readonly readyState = 1;
    readonly bufferedAmount = 1;
    readonly protocol = SUBPROTOCOLS[0];
    constructor() {
      super();
      sockets.push(this);
    }
    send(): void {}
  }
  vi.stubGlobal("WebSocket", UnsentSocket);
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers().unstubAllGlobals());
  const dialled = dial("t-1");
  sockets[0]?.dispatchEvent(new Event("open"));
  const connection = await dialled;
  note(connection);
  connection.send("text");
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(1);
  sockets[0]?.dispatchEvent(Object.assign(new Event("close"), { code: 1006, reason: "" }));
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(0);
});
