import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { systemClock } from "../../base/index.ts";
import { errorResponse } from "../../contracts/index.ts";
import type { ErrorResponse, Role } from "../../contracts/index.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { openFolderBlobStore } from "../blobs/folder-blob-store.ts";
import { FakeCoordinator } from "./fake-coordinator.ts";
import { createHttpApi } from "./http-api.ts";
import type { HttpApiOptions } from "./http-api.ts";
import type { HttpLimits } from "./http-limits.ts";

/** Only tests use this: the HTTP layer on a free port of the loopback, over a fake coordinator and a real blob store. */
export interface TestApi {
  app: FastifyInstance;
  url: string;
  fake: FakeCoordinator;
  blobs: BlobStore;
  /** Everything that was logged so far. */
  log(): string;
  call(path: string, options?: CallOptions): Promise<Response>;
  /** Calls and gives the error that came back, its status, and the headers. */
  refused(path: string, options?: CallOptions): Promise<Refusal>;
  close(): Promise<void>;
}

export interface CallOptions extends RequestInit {
  /** Of whose role the token is; `null` sends none. The administrator's when absent. */
  as?: Role | null;
  headers?: Record<string, string>;
  /** Sent as JSON, with POST unless another method is named. */
  json?: unknown;
}

type Refusal = ErrorResponse["error"] & { status: number; headers: Headers };

export interface TestApiOptions {
  limits?: Partial<HttpLimits>;
  tls?: HttpApiOptions["tls"];
  /** Before the routes are there. */
  prepare?: (app: FastifyInstance) => void;
}

export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const folder = await mkdtemp(join(tmpdir(), "assay-http-"));
  const fake = new FakeCoordinator();
  const blobs = await openFolderBlobStore(folder, systemClock);
  const lines: string[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, written) => {
      lines.push(String(chunk));
      written();
    },
  });
  const { control, readModel, liveLog } = fake;
  const logger = pino({ level: "debug" }, sink);
  const app = createHttpApi({ control, readModel, liveLog, blobs, logger, clock: systemClock, ...options });
  options.prepare?.(app);
  try {
    await app.listen({ host: "127.0.0.1", port: 0 });
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
  const { port } = app.server.address() as AddressInfo;
  const url = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  const call: TestApi["call"] = (path, init = {}) => fetch(`${url}${path}`, requestInit(init));
  return {
    app,
    url,
    fake,
    blobs,
    call,
    log: () => lines.join(""),
    refused: async (path, init) => refusalOf(await call(path, init)),
    close: async () => {
      await app.close();
      await rm(folder, { recursive: true });
    },
  };
}

export async function refusalOf(response: Response): Promise<Refusal> {
  const { error } = errorResponse.parse(await response.json());
  return { ...error, status: response.status, headers: response.headers };
}

export function sha256Of(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function requestInit({ as = "admin", json, headers = {}, ...init }: CallOptions): RequestInit {
  return {
    ...init,
    ...(json === undefined ? {} : { method: init.method ?? "POST", body: JSON.stringify(json) }),
    headers: {
      ...(as === null ? {} : { authorization: `Bearer token-of-${as}` }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
  };
}
