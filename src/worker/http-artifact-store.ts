import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { IncomingMessage, RequestOptions } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Clock, Rng } from "../base/index.ts";
import { AssayError, errorMessage, fullJitterMs, inParallel } from "../base/index.ts";
import type { Fault } from "../contracts/index.ts";
import { assayError, decodeBlobBatch, errorCatalogue, errorResponse, fault, faultError } from "../contracts/index.ts";
import type { ErrorCode } from "../contracts/index.ts";
import type { ArtifactSource, StoredBlob } from "../executors/index.ts";
import { digest, readSource } from "./artifact-content.ts";
import type { ArtifactStore, BlobTaker } from "./artifact-store.ts";

/** Enough to outlast the restart of a coordinator: about a minute in all. */
const TRIES = 10;
const BACK_OFF = { baseMs: 500, maxMs: 30_000 };
/** A connection on which nothing moves for so long is given up. */
const IDLE_TIMEOUT_MS = 30_000;
/** So many blobs are asked for at once, in so many requests at a time. */
const BLOBS_ASKED = 1_000;
const PARALLEL_BATCHES = 4;

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

/**
 * Keeps artifacts at a coordinator, tried again while the trouble may pass: `PUT` and `GET /api/v1/blobs/<sha256>`, streamed, and batches of
 * small ones from `POST /api/v1/blobs/read`.
 */
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

  async getMany(sha256s: Iterable<string>, take: BlobTaker): Promise<void> {
    const asked = [...new Set(sha256s)];
    const groups: Set<string>[] = [];
    for (let at = 0; at < asked.length; at += BLOBS_ASKED) groups.push(new Set(asked.slice(at, at + BLOBS_ASKED)));
    await inParallel(groups, PARALLEL_BATCHES, (group) => this.getGroup(group, take));
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

  /** A batch holds what fits of what is asked for, so the rest is asked for again; what then does not come is not for batches. */
  private async getGroup(wanted: Set<string>, take: BlobTaker): Promise<void> {
    for (let before = Infinity; wanted.size > 0 && wanted.size < before;) {
      before = wanted.size;
      await this.persistently(() => this.downloadBatch(wanted, take));
    }
    for (const sha256 of wanted) await this.persistently(() => this.downloadWhole(sha256, take));
  }

  /** What was taken is no longer in `wanted`. */
  private downloadBatch(wanted: Set<string>, take: BlobTaker): Promise<Answer> {
    return triedOnce("a batch of blobs", async () => {
      const body = Buffer.from(JSON.stringify({ sha256: [...wanted] }));
      const { path, headers } = this.blob("read");
      const response = await this.send(Readable.from([body], { objectMode: false }), {
        method: "POST",
        path,
        headers: { ...headers, "content-type": "application/json", "content-length": body.length },
      });
      if (response.statusCode !== 200) return answerOf(response, "a batch of blobs");
      for await (const { sha256, bytes } of decodeBlobBatch(response)) {
        if (!wanted.has(sha256) || digestOfBytes(bytes) !== sha256) throw otherBytes();
        await taken(take(sha256, bytes));
        wanted.delete(sha256);
      }
      return { kind: "done" };
    });
  }

  private downloadWhole(sha256: string, take: BlobTaker): Promise<Answer> {
    return triedOnce(`blob ${sha256}`, async () => {
      const response = await this.send(Readable.from([]), { ...this.blob(sha256), method: "GET" });
      if (response.statusCode !== 200) return answerOf(response, `blob ${sha256}`);
      const bytes = await buffer(response);
      if (digestOfBytes(bytes) !== sha256) throw otherBytes();
      await taken(take(sha256, bytes));
      return { kind: "done" };
    });
  }

  private download(sha256: string, path: string): Promise<Answer> {
    return triedOnce(`blob ${sha256}`, async () => {
      try {
        const response = await this.send(Readable.from([]), { ...this.blob(sha256), method: "GET" });
        if (response.statusCode !== 200) return await answerOf(response, `blob ${sha256}`);
        await pipeline(response, createWriteStream(path, { flags: "wx" }));
        if ((await digest({ path })).sha256 !== sha256) throw otherBytes();
        return { kind: "done" };
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
    });
  }

  private blob(name: string): { path: string; headers: Record<string, string> } {
    const { token } = this.options;
    return {
      path: `${this.base.pathname.replace(/\/$/, "")}/api/v1/blobs/${name}`,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
    };
  }

  private upload(source: ArtifactSource, { sha256, sizeBytes }: StoredBlob): Promise<Answer> {
    return triedOnce(`artifact ${sha256}`, async () => {
      const content = readSource(source);
      const { path, headers } = this.blob(sha256);
      try {
        const response = await this.send(content, {
          method: "PUT",
          path,
          headers: { ...headers, "content-type": "application/octet-stream", "content-length": sizeBytes },
        });
        return await answerOf(response, `artifact ${sha256}`);
      } finally {
        content.destroy();
      }
    });
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
    request.on("response", (response) => {
      // What is not sent by the end of the answer is never sent: nobody else may wait for this connection.
      response.on("end", () => {
        if (!request.writableFinished) request.destroy();
      });
      resolve(response);
    });
    request.on("error", reject);
    content.on("error", (error) => request.destroy(error));
    content.pipe(request);
    return promise;
  }
}

/** An answer that broke off, or is not what was asked for, may be better the next time; what was not taken stays so. */
async function triedOnce(what: string, attempt: () => Promise<Answer>): Promise<Answer> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof NotTaken) throw error.cause;
    return { kind: "failed", fault: fault("coordinator_unreachable", `${what}: ${errorMessage(error)}`) };
  }
}

/** Whoever took a blob could not keep it. */
class NotTaken extends Error {}

async function taken(taking: Promise<void>): Promise<void> {
  try {
    await taking;
  } catch (error) {
    throw new NotTaken("a blob was not taken", { cause: error });
  }
}

function otherBytes(): Error {
  return new Error("other bytes came");
}

function digestOfBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function answerOf(response: IncomingMessage, what: string): Promise<Answer> {
  const status = response.statusCode ?? 0;
  const body = await text(response);
  if (status >= 200 && status < 300) return { kind: "done" };
  const said =
    faultIn(body) ?? fault("coordinator_unreachable", `${what}: the coordinator answered with HTTP ${status}`);
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
