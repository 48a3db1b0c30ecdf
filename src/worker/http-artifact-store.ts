import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { IncomingMessage, RequestOptions } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Clock, Rng } from "../base/index.ts";
import { AssayError, errorMessage, fullJitterMs } from "../base/index.ts";
import type { Fault } from "../contracts/index.ts";
import { assayError, errorCatalogue, errorResponse, fault, faultError } from "../contracts/index.ts";
import type { ErrorCode } from "../contracts/index.ts";
import type { ArtifactSource, StoredBlob } from "../executors/index.ts";
import { digest, readSource } from "./artifact-content.ts";
import type { ArtifactStore } from "./artifact-store.ts";

/** Enough to outlast the restart of a coordinator: about a minute in all. */
const TRIES = 10;
const BACK_OFF = { baseMs: 500, maxMs: 30_000 };
/** A connection on which nothing moves for so long is given up. */
const IDLE_TIMEOUT_MS = 30_000;

export interface HttpArtifactStoreOptions {
  /** Of the coordinator, e.g. `https://coordinator:7414`. */
  baseUrl: string;
  /** Sent as a bearer token; null sends none. */
  token: string | null;
  /** PEM certificates to trust instead of the system's. */
  ca?: string;
  clock: Clock;
  rng: Rng;
}

/** What became of one try. */
type Answer = { kind: "done" } | { kind: "refused"; fault: Fault } | { kind: "failed"; fault: Fault };

/** Keeps artifacts at a coordinator: `PUT` and `GET /api/v1/blobs/<sha256>`, streamed, tried again while the trouble may pass. */
export class HttpArtifactStore implements ArtifactStore {
  private readonly options: HttpArtifactStoreOptions;
  private readonly base: URL;
  private readonly agent: HttpAgent | HttpsAgent;

  /** Throws an AssayError, `usage`, for an address that is not http or https. */
  constructor(options: HttpArtifactStoreOptions) {
    const { baseUrl, ca } = options;
    const base = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
    if (base === null || !["http:", "https:"].includes(base.protocol)) {
      throw assayError("usage", `"${baseUrl}" is not an http or https address of a coordinator`);
    }
    this.options = options;
    this.base = base;
    this.agent =
      base.protocol === "https:"
        ? new HttpsAgent({ keepAlive: true, ...(ca === undefined ? {} : { ca }) })
        : new HttpAgent({ keepAlive: true });
  }

  async put(source: ArtifactSource): Promise<StoredBlob> {
    const stored = await digest(source);
    await this.persistently(() => this.upload(source, stored));
    return stored;
  }

  async get(sha256: string, path: string): Promise<void> {
    await this.persistently(() => this.download(sha256, path));
  }

  /** Ends idle connections; what is being stored fails. */
  close(): void {
    this.agent.destroy();
  }

  private async persistently(attempt: () => Promise<Answer>): Promise<void> {
    const { clock, rng } = this.options;
    for (let failures = 0; ; failures += 1) {
      const answer = await attempt();
      if (answer.kind === "done") return;
      if (answer.kind === "refused")
        throw new AssayError(answer.fault.code, { ...answer.fault, details: { refused: true } });
      if (failures + 1 === TRIES) throw faultError(answer.fault);
      await new Promise<void>((resolve) => clock.setTimer(fullJitterMs(rng, { ...BACK_OFF, failures }), resolve));
    }
  }

  private async download(sha256: string, path: string): Promise<Answer> {
    const content = Readable.from([]);
    try {
      const response = await this.send(content, { ...this.blob(sha256), method: "GET" });
      if (response.statusCode !== 200) return await answerOf(response, sha256);
      await pipeline(response, createWriteStream(path, { flags: "wx" }));
      if ((await digest({ path })).sha256 === sha256) return { kind: "done" };
      await rm(path, { force: true });
      return { kind: "failed", fault: fault("coordinator_unreachable", `blob ${sha256}: other bytes came`) };
    } catch (error) {
      await rm(path, { force: true });
      return { kind: "failed", fault: fault("coordinator_unreachable", `blob ${sha256}: ${errorMessage(error)}`) };
    }
  }

  private blob(sha256: string): RequestOptions & { headers: Record<string, string> } {
    const { token } = this.options;
    return {
      path: `${this.base.pathname.replace(/\/$/, "")}/api/v1/blobs/${sha256}`,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
    };
  }

  private async upload(source: ArtifactSource, { sha256, sizeBytes }: StoredBlob): Promise<Answer> {
    const content = readSource(source);
    const { path, headers } = this.blob(sha256);
    try {
      const response = await this.send(content, {
        method: "PUT",
        path,
        headers: { ...headers, "content-type": "application/octet-stream", "content-length": sizeBytes },
      });
      return await answerOf(response, sha256);
    } catch (error) {
      return { kind: "failed", fault: fault("coordinator_unreachable", `artifact ${sha256}: ${errorMessage(error)}`) };
    } finally {
      content.destroy();
    }
  }

  private send(content: Readable, options: RequestOptions): Promise<IncomingMessage> {
    const { hostname, port, protocol } = this.base;
    const secure = protocol === "https:";
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = (secure ? httpsRequest : httpRequest)({
      ...options,
      // Addresses of version 6 stand in brackets in a URL, and without them here.
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port,
      agent: this.agent,
      timeout: IDLE_TIMEOUT_MS,
    });
    request.on("timeout", () => request.destroy(new Error(`nothing moved for ${IDLE_TIMEOUT_MS} ms`)));
    // A refusal may come, and the connection end, before all is sent: the answer counts, later errors do not.
    request.on("response", resolve);
    request.on("error", reject);
    content.on("error", (error) => request.destroy(error));
    content.pipe(request);
    return promise;
  }
}

async function answerOf(response: IncomingMessage, sha256: string): Promise<Answer> {
  const status = response.statusCode ?? 0;
  const body = await text(response);
  if (status >= 200 && status < 300) return { kind: "done" };
  const said =
    faultIn(body) ??
    fault("coordinator_unreachable", `artifact ${sha256}: the coordinator answered with HTTP ${status}`);
  const mayPass = status >= 500 || status === 408 || status === 429;
  return { kind: mayPass ? "failed" : "refused", fault: said };
}

/** The coordinator's own words. */
function faultIn(body: string): Fault | undefined {
  try {
    const parsed = errorResponse.safeParse(JSON.parse(body));
    if (!parsed.success || !Object.hasOwn(errorCatalogue, parsed.data.error.code)) return undefined;
    const { code, message, next } = parsed.data.error;
    return fault(code as ErrorCode, message, { next });
  } catch {
    return undefined;
  }
}
