import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server as TcpServer, Socket } from "node:net";
import { text } from "node:stream/consumers";

/** For tests: a real HTTP server on a free port of this machine, well-behaved or not. */
export class Endpoint implements AsyncDisposable {
  readonly url: string;
  readonly requests: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  private readonly server: Server | TcpServer;
  private readonly sockets = new Set<Socket>();

  private constructor(server: Server | TcpServer) {
    this.server = server;
    server.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Answers with `answer` once a request has come whole. */
  static async http(answer: RequestListener): Promise<Endpoint> {
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        const { method = "", url = "", headers } = request;
        endpoint.requests.push({ method, url, headers, body });
        answer(request, response);
      });
    });
    const endpoint = new Endpoint(await listening(server));
    return endpoint;
  }

  /** Does with a connection what `serve` says. */
  static async tcp(serve: (socket: Socket) => void): Promise<Endpoint> {
    const server = createTcpServer((socket) => {
      socket.on("error", () => {});
      serve(socket);
    });
    return new Endpoint(await listening(server));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** The address of a port on which nobody listens. */
export async function closedPort(): Promise<string> {
  const endpoint = await Endpoint.tcp(() => {});
  await endpoint[Symbol.asyncDispose]();
  return endpoint.url;
}

/** Sends server-sent events one after the other, each once the one before is on its way. */
export async function sendEvents(response: ServerResponse, events: readonly string[]): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) {
    await new Promise((resolve) => response.write(`data: ${event}\n\n`, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}

async function listening<Some extends Server | TcpServer>(server: Some): Promise<Some> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
