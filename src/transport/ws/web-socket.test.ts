import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, get } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { err, manualClock, ok } from "../../base/index.ts";
import type { ManualClock, Result } from "../../base/index.ts";
import { errorResponse, fault, SUBPROTOCOLS } from "../../contracts/index.ts";
import type { ErrorCode, Fault } from "../../contracts/index.ts";
import type { Connection } from "../connection.ts";
import { CLOSE_GRACE_MS } from "../limits.ts";
import { baseUrl, closeServer, openSockets, until } from "../matrix-acceptance.ts";
import { dialWebSocket } from "./dial-web-socket.ts";
import type { DialWebSocketOptions } from "./dial-web-socket.ts";
import type { HandshakeLimits } from "./handshake-limiter.ts";
import { WebSocketConnection } from "./web-socket-connection.ts";
import { WebSocketListener } from "./web-socket-listener.ts";

type Answer = Result<string, Fault>;

let clock: ManualClock;
let server: Server;
let listener: WebSocketListener<string>;
let asked: { token: string | null; remote: string }[];
let taken: { connection: Connection; identity: string; ends: number[] }[];
let authenticate: (token: string | null) => Promise<Answer>;

beforeEach(() => {
  clock = manualClock();
  asked = [];
  taken = [];
  authenticate = (token) => Promise.resolve(token === null ? err(fault("unauthenticated", "No token.")) : ok(token));
});

afterEach(async () => {
  await listener.close();
  await closeServer(server);
  await until(() => expect([clock.pendingTimers, openSockets()]).toEqual([0, []]));
});

async function listen(limits: Partial<HandshakeLimits> = {}, on: Server = createServer()): Promise<string> {
  server = on;
  listener = new WebSocketListener({
    server,
    clock,
    limits,
    authenticate: (token, remote) => {
      asked.push({ token, remote });
      return authenticate(token);
    },
    onConnection: (connection, identity) => {
      const ends: number[] = [];
      taken.push({ connection, identity, ends });
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
  return baseUrl(server);
}

const dial = (url: string, more: Partial<DialWebSocketOptions> = {}): Promise<Connection> =>
  dialWebSocket({ url, token: "t-1", subprotocols: SUBPROTOCOLS, handshakeTimeoutMs: 10_000, ...more });

/** Attaches to a connection and notes what happens. */
function note(connection: Connection): { messages: (string | Uint8Array)[]; ends: number[] } {
  const seen = { messages: [] as (string | Uint8Array)[], ends: [] as number[] };
  connection.attach({
    onMessage: (message) => void seen.messages.push(message),
    onFlushed: () => undefined,
    onViolation: () => undefined,
    onClosed: (code) => void seen.ends.push(code),
  });
  return seen;
}

/** A handshake by hand: what the server answers when it refuses. */
async function handshake(
  url: string,
  headers: Record<string, string>,
  path = "/api/v1/worker",
): Promise<IncomingMessage> {
  const request = get({
    port: new URL(url).port,
    path,
    agent: false,
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
      "sec-websocket-protocol": SUBPROTOCOLS.join(", "),
      ...headers,
    },
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

async function errorOf(response: IncomingMessage): Promise<{ code: string; message: string }> {
  return errorResponse.parse(JSON.parse(await text(response))).error;
}

/** What a client writes to open a WebSocket. */
function rawHandshake(token: string): string {
  const head = ["GET /api/v1/worker HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"];
  const key = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"];
  const more = [`Sec-WebSocket-Protocol: ${SUBPROTOCOLS[1]}`, `Authorization: Bearer ${token}`];
  return [...head, ...key, ...more, "\r\n"].join("\r\n");
}

describe("a handshake", () => {
  test("gives the token of the header and the address to the owner, and a connection to both sides", async () => {
    const url = await listen();
    const connection = await dial(url);
    expect(asked).toEqual([{ token: "t-1", remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string }]);
    expect(taken.map(({ identity }) => identity)).toEqual(["t-1"]);
    expect([connection.subprotocol, taken[0]?.connection.subprotocol]).toEqual([SUBPROTOCOLS[0], SUBPROTOCOLS[0]]);
    const seen = note(connection);
    connection.send("text");
    connection.send(Uint8Array.of(1, 2, 3));
    await until(() => expect(seen.messages).toEqual(["text", Buffer.of(1, 2, 3)]));
    connection.close(1000, "done");
    await until(() => expect([seen.ends, taken[0]?.ends]).toEqual([[1000], [1000]]));
  });

  test("takes the subprotocol that the client likes best", async () => {
    const url = await listen();
    const connection = await dial(url, { subprotocols: ["assay.v1+json", "assay.v1+msgpack"] });
    expect(connection.subprotocol).toBe("assay.v1+json");
    note(connection);
    connection.close(1000, "");
  });

  test("keeps what arrives before the owner attaches", async () => {
    const url = await listen();
    const connection = await dial(url);
    taken[0]?.connection.send("early");
    taken[0]?.connection.close(1001, "early too");
    await until(() => expect(taken[0]?.ends).toEqual([1001]));
    const seen = note(connection);
    expect(seen).toEqual({ messages: [], ends: [] });
    await until(() => expect(seen).toEqual({ messages: ["early"], ends: [1001] }));
  });

  test.each([
    ["unauthenticated", 401],
    ["token_expired", 401],
    ["token_revoked", 401],
    ["forbidden", 403],
    ["not_leader", 503],
    ["internal", 500],
  ] satisfies [ErrorCode, number][])(
    "that the owner refuses with %s answers HTTP %i with a JSON error",
    async (code, status) => {
      authenticate = () => Promise.resolve(err(fault(code, "Because of this.", { next: "Do that." })));
      const url = await listen();
      const response = await handshake(url, { authorization: "Bearer x" });
      expect(response.statusCode).toBe(status);
      expect(response.headers["content-type"]).toMatch(/^application\/json/);
      expect(response.headers["www-authenticate"]).toBe(status === 401 ? "Bearer" : undefined);
      expect(await errorOf(response)).toEqual({ code, message: "Because of this.", next: "Do that." });
      await expect(dial(url)).rejects.toMatchObject({
        name: "AssayError",
        code,
        message: "Because of this.",
        next: "Do that.",
      });
      expect(taken).toEqual([]);
    },
  );

  test("does not look for a token in the URL, nor take another scheme", async () => {
    const url = await listen();
    for (const [headers, path] of [
      [{}, "/api/v1/worker?token=t-1&access_token=t-1"],
      [{ authorization: "Basic dDp0" }, "/api/v1/worker"],
      [{ authorization: "Bearer " }, "/api/v1/worker"],
    ] as [Record<string, string>, string][]) {
      const response = await handshake(url, headers, path);
      expect([response.statusCode, (await errorOf(response)).code]).toEqual([401, "unauthenticated"]);
    }
    expect(asked.map(({ token }) => token)).toEqual([null, null, null]);
  });

  test.each(["", "assay.v2+msgpack, chat"])("without a common subprotocol (%j) answers HTTP 400", async (offered) => {
    const url = await listen();
    const response = await handshake(url, { authorization: "Bearer x", "sec-websocket-protocol": offered });
    expect(response.statusCode).toBe(400);
    const { code, message } = await errorOf(response);
    expect(code).toBe("protocol_version");
    expect(message).toContain(offered === "" ? "none" : offered);
    expect(asked).toEqual([]);
  });

  test("on another path answers HTTP 404, unless somebody else listens there", async () => {
    const url = await listen();
    const response = await handshake(url, {}, "/api/v1/other");
    expect([response.statusCode, (await errorOf(response)).code]).toEqual([404, "not_found"]);
    const weird = await handshake(url, {}, "//");
    expect(weird.statusCode).toBe(404);
    weird.resume();
    server.on("upgrade", (request, socket) => {
      if (request.url === "/api/v1/other") socket.end("HTTP/1.1 418 Teapot\r\nConnection: close\r\n\r\n");
    });
    const other = await handshake(url, {}, "/api/v1/other");
    expect(other.statusCode).toBe(418);
    other.resume();
    const connection = await dial(url);
    note(connection);
    connection.close(1000, "");
  });

  test("whose token cannot be checked, or not in time, is refused without saying more", async () => {
    authenticate = () => Promise.reject(new Error("no database"));
    const url = await listen();
    await expect(dial(url)).rejects.toMatchObject({ code: "internal" });
    authenticate = () => new Promise(() => undefined);
    const late = dial(url);
    await until(() => expect(asked).toHaveLength(2));
    clock.advance(5_000);
    await expect(late).rejects.toMatchObject({ code: "journal_unavailable" });
  });

  test("whose client goes away meanwhile leaves nothing behind", async () => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    authenticate = () => promise;
    const url = await listen();
    const stop = new AbortController();
    const dialled = dial(url, { signal: stop.signal });
    await until(() => expect(asked).toHaveLength(1));
    stop.abort();
    await expect(dialled).rejects.toMatchObject({ code: "coordinator_unreachable" });
    resolve(ok("late"));
    // The end of a socket is only seen by reading it, which begins with the connection.
    await until(() => expect(taken.map(({ ends }) => ends)).toEqual([[1006]]));
  });
});

test("a client that resets its connection during the check of its token disturbs nobody", async () => {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  authenticate = () => promise;
  const url = await listen();
  const sockets = Array.from({ length: 5 }, () => connect(Number(new URL(url).port), "127.0.0.1"));
  for (const socket of sockets) socket.write(rawHandshake("t-1"));
  await until(() => expect(asked).toHaveLength(5));
  for (const socket of sockets) socket.resetAndDestroy();
  await Promise.all(sockets.map((socket) => once(socket, "close")));
  resolve(err(fault("unauthenticated", "Too late to say.")));
  await until(() => expect(openSockets()).toEqual(["TCPServerWrap"]));
  authenticate = () => Promise.resolve(ok("worker"));
  const connection = await dial(url);
  note(connection);
  connection.close(1000, "");
});

describe("limits before authentication", () => {
  test("handshakes per second from one address", async () => {
    const url = await listen({ handshakesPerSecond: 2, handshakeBurst: 3 });
    authenticate = () => Promise.resolve(err(fault("unauthenticated", "No.")));
    const codes = async (count: number): Promise<string[]> => {
      const attempts = Array.from({ length: count }, () =>
        dial(url).then(
          () => "connected",
          (error: { code: string }) => error.code,
        ),
      );
      return (await Promise.all(attempts)).toSorted((a, b) => a.localeCompare(b));
    };
    expect(await codes(5)).toEqual([...Array(2).fill("rate_limited"), ...Array(3).fill("unauthenticated")]);
    const response = await handshake(url, { authorization: "Bearer x" });
    expect(response.statusCode).toBe(429);
    response.resume();
    clock.advance(1_000);
    expect(await codes(3)).toEqual(["rate_limited", "unauthenticated", "unauthenticated"]);
  });

  test("handshakes under way from one address", async () => {
    const url = await listen({ maxPendingPerAddress: 2 });
    const { promise, resolve } = Promise.withResolvers<Answer>();
    authenticate = () => promise;
    const waiting = [dial(url), dial(url)];
    await until(() => expect(asked).toHaveLength(2));
    await expect(dial(url)).rejects.toMatchObject({ code: "rate_limited" });
    resolve(ok("worker"));
    const connections = [...(await Promise.all(waiting)), await dial(url)];
    for (const connection of connections) {
      note(connection);
      connection.close(1000, "");
    }
  });

  test("a fleet of 500 workers on one machine connects at once", async () => {
    const url = await listen();
    const connections = await Promise.all(Array.from({ length: 500 }, () => dial(url)));
    expect(taken).toHaveLength(500);
    for (const connection of connections) {
      note(connection);
      connection.close(1000, "");
    }
    await until(() => expect(taken.every(({ ends }) => ends.length === 1)).toBe(true));
  });
});

test("what is sent in one turn leaves in one write, in order", async () => {
  const url = await listen();
  const socket = new WebSocket(`${url}/api/v1/worker`, [SUBPROTOCOLS[1]], { headers: { authorization: "Bearer t-1" } });
  const upgraded = once(socket, "upgrade") as Promise<[IncomingMessage]>;
  await once(socket, "open");
  const [{ socket: stream }] = await upgraded;
  const connection = new WebSocketConnection(socket, { subprotocol: SUBPROTOCOLS[1], remote: url, stream });
  const { messages } = note(connection);
  for (const round of ["a", "b"]) {
    for (const text of ["1", "2", "3"]) connection.send(round + text);
    expect(stream.writableCorked).toBe(1);
    expect(connection.bufferedBytes).toBeGreaterThan(6);
    await Promise.resolve();
    expect(stream.writableCorked).toBe(0);
  }
  await until(() => expect(messages).toEqual(["a1", "a2", "a3", "b1", "b2", "b3"]));
});

describe("close", () => {
  test("says goodbye on open connections and takes no more", async () => {
    const url = await listen();
    const seen = note(await dial(url));
    await listener.close();
    expect([seen.ends, taken[0]?.ends]).toEqual([[1001], [1001]]);
    expect(server.listenerCount("upgrade")).toBe(0);
  });

  test("refuses a handshake that was under way", async () => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    authenticate = () => promise;
    const url = await listen();
    const dialled = dial(url);
    await until(() => expect(asked).toHaveLength(1));
    const closed = listener.close();
    resolve(ok("late"));
    await expect(dialled).rejects.toMatchObject({ code: "shutting_down" });
    await closed;
  });

  test("cuts a client that does not answer the goodbye", async () => {
    const url = await listen();
    const socket = new WebSocket(`${url}/api/v1/worker`, [...SUBPROTOCOLS], { headers: { authorization: "Bearer t" } });
    await once(socket, "open");
    socket.pause();
    const closed = listener.close();
    await expect(dial(url)).rejects.toMatchObject({ code: "shutting_down" });
    clock.advance(CLOSE_GRACE_MS);
    await closed;
    expect(taken[0]?.ends).toEqual([1006]);
    socket.terminate();
  });
});

describe("dialling", () => {
  test("says who does not answer", async () => {
    const url = await listen();
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as AddressInfo;
    await closeServer(free);
    await expect(dial(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: "coordinator_unreachable",
      message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`)) as string,
    });
    for (const wrong of ["ftp://127.0.0.1", "coordinator", ""]) {
      await expect(dial(wrong)).rejects.toMatchObject({ code: "coordinator_unreachable" });
    }
    await expect(dial(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "coordinator_unreachable" });
  });

  test("is what the signal ends, not the connection that came of it", async () => {
    const url = await listen();
    const stop = new AbortController();
    const connection = await dial(url, { signal: stop.signal });
    const seen = note(connection);
    stop.abort();
    connection.send("still here");
    await until(() => expect(seen).toEqual({ messages: ["still here"], ends: [] }));
    connection.close(1000, "");
  });

  test("adds the path of the worker link to the address once, and leaves out what does not belong there", async () => {
    const url = await listen();
    const { host } = new URL(url);
    for (const address of [
      `ws://${host}`,
      `http://${host}/`,
      `${url}/api/v1/worker`,
      `http://user:word@${host}/?token=x#y`,
    ]) {
      const connection = await dial(address);
      note(connection);
      connection.close(1000, "");
      expect(connection.remote).toBe(host);
    }
    expect(asked.map(({ token }) => token)).toEqual(["t-1", "t-1", "t-1", "t-1"]);
  });

  test.each([
    [200, "coordinator_unreachable", "hello"],
    [401, "unauthenticated", "<html>"],
    [403, "forbidden", ""],
    [502, "coordinator_unreachable", '{"error":{"code":"made_up","message":"m","next":"n"}}'],
    [302, "coordinator_unreachable", ""],
    [500, "coordinator_unreachable", "x".repeat(200_000)],
  ])("something else that answers HTTP %i gives %s", async (status, code, body) => {
    await listen();
    const stranger = createServer((_request, response) => {
      response.writeHead(status, { location: "http://127.0.0.1:1/", connection: "close" }).end(body);
    });
    stranger.listen(0, "127.0.0.1");
    await once(stranger, "listening");
    await expect(dial(baseUrl(stranger))).rejects.toMatchObject({ name: "AssayError", code });
    await closeServer(stranger);
  });

  test("a WebSocket server without our subprotocols gives protocol_version", async () => {
    await listen();
    const stranger = createServer().on("upgrade", (request, socket) => {
      // What any server answers that knows WebSocket and no subprotocol; the key of the handshake decides the rest.
      const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash("sha1").update(key).digest("base64");
      const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
      socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, "\r\n"].join("\r\n"));
      socket.resume().on("end", () => socket.end());
    });
    stranger.listen(0, "127.0.0.1");
    await once(stranger, "listening");
    await expect(dial(baseUrl(stranger))).rejects.toMatchObject({ code: "protocol_version" });
    await closeServer(stranger);
  });

  test("a server that never answers is given up", async () => {
    await listen();
    const silent = createServer().on(
      "upgrade",
      (_request, socket) => void socket.resume().on("end", () => socket.end()),
    );
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    await expect(dial(baseUrl(silent), { handshakeTimeoutMs: 50 })).rejects.toMatchObject({
      code: "coordinator_unreachable",
    });
    await closeServer(silent);
  });
});

test("bytes that are no WebSocket frame end that connection only", async () => {
  const url = await listen();
  const good = await dial(url);
  const seen = note(good);
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(rawHandshake("t-2"));
  await until(() => expect(taken).toHaveLength(2));
  socket.resume().end(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  await until(() => expect(taken[1]?.ends).toHaveLength(1));
  good.send("still here");
  await until(() => expect(seen.messages).toEqual(["still here"]));
  good.close(1000, "");
});

test("TLS: a certificate of an authority that the client was given", async ({ skip }) => {
  const folder = mkdtempSync(join(tmpdir(), "assay-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  try {
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    execFileSync("openssl", [...kind, ...subject, "-keyout", keyFile, "-out", certFile], { stdio: "pipe" });
  } catch (error) {
    await listen();
    skip(`openssl made no certificate: ${String(error)}`);
  }
  const cert = readFileSync(certFile, "utf8");
  const url = (await listen({}, createSecureServer({ key: readFileSync(keyFile), cert }))).replace("http:", "https:");
  await expect(dial(url)).rejects.toMatchObject({
    code: "coordinator_unreachable",
    message: expect.stringMatching(/self-signed certificate/) as string,
  });
  const connection = await dial(url, { ca: cert });
  const seen = note(connection);
  connection.send("secret");
  await until(() => expect(seen.messages).toEqual(["secret"]));
  connection.close(1000, "");
});
