import { Agent as HttpAgent, request as httpRequest } from "node:http";
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { TLSSocket } from "node:tls";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { Clock } from "../../base/index.ts";
import type { Stage } from "./network-problem.ts";
import { networkProblem } from "./network-problem.ts";
import { ProblemError } from "./problem.ts";

/** Shorter than servers keep idle connections: a request must not meet one that is just being closed. */
const IDLE_CONNECTION_MS = 4_000;

/** Methods that may be sent again when a kept connection turns out to be closed (RFC 9110, section 9.2.2). */
const REPEATABLE = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** One request on one connection. */
export interface Call {
  url: URL;
  method: string;
  headers: OutgoingHttpHeaders;
  body: Buffer | undefined;
}

/** The head of an answer, and who gave it. */
export interface AnswerHead {
  status: number;
  headers: IncomingHttpHeaders;
  /** Address and port. */
  remote: string;
}

export interface CallLimits {
  /** By `clock.monotonicMs()`. */
  deadlineMs: number;
  maxBodyBytes: number;
}

/** What reads an answer while it comes; what it throws ends the request. */
export interface AnswerReader {
  head(head: AnswerHead): void;
  chunk(bytes: Buffer, nowMs: number): void;
}

/** Connections that are kept and used again. */
export class Connections {
  private readonly http: HttpAgent;
  private readonly https: HttpsAgent;
  private readonly clock: Clock;
  private readonly signal: AbortSignal;

  constructor({ most, clock, signal }: { most: number; clock: Clock; signal: AbortSignal }) {
    const options = { keepAlive: true, maxSockets: most, maxFreeSockets: most, timeout: IDLE_CONNECTION_MS };
    this.http = new HttpAgent(options);
    this.https = new HttpsAgent(options);
    this.clock = clock;
    this.signal = signal;
  }

  close(): void {
    this.http.destroy();
    this.https.destroy();
  }

  /** Sends a request and reads its answer to the last byte. Rejects with a ProblemError. */
  async send(call: Call, limits: CallLimits, reader: AnswerReader): Promise<AnswerHead> {
    for (;;) {
      const exchange = new Exchange({ request: this.request(call), call, limits, reader, clock: this.clock });
      try {
        return await exchange.done;
      } catch (error) {
        if (!exchange.wasStale || !REPEATABLE.has(call.method)) throw error;
      }
    }
  }

  private request({ url, method, headers }: Call): ClientRequest {
    const options = { method, headers, signal: this.signal };
    return url.protocol === "https:"
      ? httpsRequest(url, { ...options, agent: this.https })
      : httpRequest(url, { ...options, agent: this.http });
  }
}

/** One request on its way. */
class Exchange {
  readonly done: Promise<AnswerHead>;
  private readonly request: ClientRequest;
  private readonly limits: CallLimits;
  private readonly reader: AnswerReader;
  private readonly clock: Clock;
  private stage: Stage = "connecting";
  private failed = false;
  private lost = false;
  private bytes = 0;

  constructor({
    request,
    call,
    limits,
    reader,
    clock,
  }: {
    request: ClientRequest;
    call: Call;
    limits: CallLimits;
    reader: AnswerReader;
    clock: Clock;
  }) {
    this.request = request;
    this.limits = limits;
    this.reader = reader;
    this.clock = clock;
    const { promise, resolve, reject } = Promise.withResolvers<AnswerHead>();
    const fail = (error: unknown): void => {
      // Others follow from the first.
      if (this.failed) return;
      this.failed = true;
      const problem = networkProblem(error, this.stage);
      this.lost = problem.kind === "connection_lost";
      reject(problem);
      request.destroy();
    };
    const timer = clock.setTimer(limits.deadlineMs - clock.monotonicMs(), () => fail(this.tooLate()));
    this.done = promise.finally(() => timer.cancel());
    request.on("socket", (socket) => this.watch(socket));
    request.on("error", fail);
    request.on("response", (response) => this.read(response, { resolve, fail }));
    request.end(call.body);
  }

  /** Whether it came to nothing only because the server had closed a connection that was kept. */
  get wasStale(): boolean {
    return this.request.reusedSocket && this.lost && this.stage === "sent";
  }

  private tooLate(): ProblemError {
    const connecting = this.stage === "connecting" || this.stage === "securing";
    return connecting
      ? new ProblemError("connect_timeout", "no connection within request_timeout_seconds")
      : new ProblemError("request_timeout", "no whole answer within request_timeout_seconds");
  }

  private watch(socket: Socket): void {
    const secure = socket instanceof TLSSocket;
    const sent = (): void => void (this.stage = "sent");
    // One that was used before emits neither event again.
    if (this.request.reusedSocket) return sent();
    const connected = (): void => {
      if (!secure) return sent();
      this.stage = "securing";
      socket.once("secureConnect", sent);
    };
    if (socket.connecting) socket.once("connect", connected);
    else connected();
  }

  private read(
    response: IncomingMessage,
    { resolve, fail }: { resolve: (head: AnswerHead) => void; fail: (error: unknown) => void },
  ): void {
    this.stage = "answering";
    response.on("error", fail);
    const { remoteAddress = "unknown", remotePort = 0 } = response.socket;
    const remote = `${remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
    const head = { status: response.statusCode ?? 0, headers: response.headers, remote };
    const attempt = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        fail(error);
      }
    };
    attempt(() => {
      this.reader.head(head);
      const body = this.unpacked(response, fail);
      body.on("data", (bytes: Buffer) => attempt(() => this.chunk(bytes)));
      body.on("end", () => resolve(head));
    });
  }

  private chunk(bytes: Buffer): void {
    if (this.failed) return;
    this.bytes += bytes.length;
    const { maxBodyBytes } = this.limits;
    if (this.bytes > maxBodyBytes) {
      throw new ProblemError("body_too_large", `the body is longer than max_body_mb, ${maxBodyBytes / 1e6} MB`);
    }
    this.reader.chunk(bytes, this.clock.monotonicMs());
  }

  private unpacked(response: IncomingMessage, fail: (error: unknown) => void): Readable {
    const encoding = response.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
    const hasBody = this.request.method !== "HEAD" && response.statusCode !== 204 && response.statusCode !== 304;
    if (!hasBody || encoding === "identity" || encoding === "") return response;
    const unpacker = unpackers[encoding]?.();
    if (unpacker === undefined) throw new ProblemError("content_encoding", `the body is encoded in an unknown way`);
    unpacker.on("error", (error) =>
      fail(new ProblemError("content_encoding", `the body is not ${encoding}: ${error.message}`)),
    );
    return response.pipe(unpacker);
  }
}

const unpackers: Readonly<Record<string, (() => NodeJS.ReadWriteStream & Readable) | undefined>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** The encodings that answers may come in. */
export const ACCEPTED_ENCODINGS = "gzip, deflate, br";
