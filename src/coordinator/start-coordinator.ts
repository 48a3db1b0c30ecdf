import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import { AssayError, err, errorCode, errorMessage, ok, systemClock } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { readSecretFile, requirePermission, writeSecretFile } from "../auth/index.ts";
import { openSqliteJournal } from "../journal/index.ts";
import { WebSocketListener } from "../transport/index.ts";
import { acceptWorker } from "./accept-worker.ts";
import { openFolderBlobStore } from "./blobs/folder-blob-store.ts";
import type { Holder } from "./control.ts";
import { dataFolder } from "./data-folder.ts";
import { createHttpApi } from "./http/http-api.ts";
import type { JoinSite } from "./http/join-site.ts";
import { LeaderControl } from "./leader-control.ts";
import { startTerms } from "./terms.ts";

export interface CoordinatorOptions {
  dataDir: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  tls?: { certFile: string; keyFile: string } | undefined;
  heartbeatIntervalMs: number;
  /** A worker that is silent for so long is lost. */
  workerTimeoutMs: number;
  /** So is one whose session ended and that is not back within this time: a process that died does not come back. */
  reconnectGraceMs: number;
  /** How often an idle worker's health is checked; 0 for never. */
  healthCheckMs: number;
  logger: FastifyBaseLogger;
  /** The page that makes workers of tabs; absent: there is none. */
  joinSite?: JoinSite | undefined;
}

/**
 * A silent worker is suspected after about 6 s and lost after 10, with the longest interval that many workers are given after
 * 12.5: its tasks go on elsewhere within 15 s.
 */
export const WATCH_DEFAULTS = {
  heartbeatIntervalMs: 2_000,
  workerTimeoutMs: 10_000,
  reconnectGraceMs: 2_000,
  healthCheckMs: 30 * 60_000,
} as const;

export interface CoordinatorHandle {
  url: string;
  adminToken: string;
  adminTokenFile: string;
  /** Stops taking work, commits what was accepted, and closes everything. */
  stop(): Promise<void>;
}

const clock = systemClock;

/**
 * Starts a coordinator on a data folder: journal, leader, REST API and worker link, which answer before the follower is there:
 * nobody who only wants work done waits for the results to be opened. Resolves when all of it runs. Rejects with an AssayError that
 * names what is wrong with the folder, the port or the TLS files; nothing is left running then.
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<CoordinatorHandle> {
  const cleanup: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (let close = cleanup.pop(); close; close = cleanup.pop()) await close();
  };
  try {
    return { ...(await start(options, cleanup)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  options: CoordinatorOptions,
  cleanup: (() => Promise<unknown>)[],
): Promise<Omit<CoordinatorHandle, "stop">> {
  const folder = dataFolder(options.dataDir);
  if (options.workerTimeoutMs < 2 * options.heartbeatIntervalMs) {
    const message = `A worker timeout of ${options.workerTimeoutMs} ms needs a heartbeat at least twice in that time, not every ${options.heartbeatIntervalMs} ms.`;
    throw assayError("usage", message, { next: "Raise --worker-timeout or lower --heartbeat-interval." });
  }
  const tls = readTls(options.tls);
  await makeFolder(options.dataDir);
  const journal = await openSqliteJournal({ folder: folder.journal });
  cleanup.push(() => journal.close());
  const blobs = await openFolderBlobStore(folder.blobs, clock);
  const parts = await startTerms(options, journal, cleanup);
  const control = new LeaderControl({
    leader: () => parts.leadership.current,
    readModel: parts.follower,
    committedSeq: () => parts.committedSeq,
    clock,
    startedAtMs: clock.nowMs(),
    randomBytes: (count) => randomBytes(count),
    newId: randomUUID,
  });
  const app = createHttpApi({
    control,
    readModel: parts.follower,
    liveLog: parts.liveLogs,
    blobs,
    logger: options.logger,
    clock,
    tls,
    joinSite: options.joinSite,
  });
  cleanup.push(() => app.close());
  const listener = new WebSocketListener<Holder>({
    server: app.server,
    clock,
    authenticate: async (token) => {
      if (token === null) return err(assayFaultNoToken);
      const holder = control.holder(token);
      const actor = holder();
      if (!actor.ok) return actor;
      const allowed = requirePermission(actor.value.role, "worker_link");
      return allowed.ok ? ok(holder) : allowed;
    },
    onConnection: (connection, holder) =>
      acceptWorker(connection, { link: parts.link, clock, workerTimeoutMs: parts.workerTimeoutMs, holder }),
  });
  cleanup.push(() => listener.close());
  const adminToken = await ensureAdminToken(control, folder.adminToken);
  const url = await listen(app, options);
  await writeFile(folder.address, JSON.stringify({ url, pid: process.pid }));
  cleanup.push(() => rm(folder.address, { force: true }));
  await parts.follower.ready;
  return { url, adminToken, adminTokenFile: folder.adminToken };
}

const assayFaultNoToken = {
  code: "unauthenticated" as const,
  message: "The worker sent no token.",
  next: "Start it with --token, or make a token with `assay token create --role worker`.",
};

/** The token of whoever owns the data folder; made when its file is not there. */
async function ensureAdminToken(control: LeaderControl, file: string): Promise<string> {
  const known = await readSecretFile(file);
  if (known !== null && control.authenticate(known).ok) return known;
  const { token } = await control.createToken({ role: "admin", name: "first-admin", expires_in_seconds: null });
  await writeSecretFile(file, token);
  return token;
}

async function listen(app: FastifyInstance, { host, port, tls }: CoordinatorOptions): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    if (errorCode(error) === "EADDRINUSE")
      throw assayError("port_in_use", `Another program listens on ${host}:${port}.`, { cause: error });
    if (errorCode(error) === "EACCES" || errorCode(error) === "EADDRNOTAVAIL") {
      throw assayError("usage", `Cannot listen on ${host}:${port}: ${errorMessage(error)}`, {
        cause: error,
        next: "Correct --host and --port.",
      });
    }
    throw error;
  }
  const { address, port: bound, family } = app.server.address() as AddressInfo;
  const shown = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : family === "IPv6" ? `[${address}]` : address;
  return `${tls ? "https" : "http"}://${shown}:${bound}`;
}

async function makeFolder(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (error instanceof AssayError) throw error;
    throw assayError("data_dir_read_only", `The data folder ${dataDir} cannot be made: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function readTls(files: CoordinatorOptions["tls"]): { cert: string; key: string } | undefined {
  if (!files) return undefined;
  try {
    return { cert: readFileSync(files.certFile, "utf8"), key: readFileSync(files.keyFile, "utf8") };
  } catch (error) {
    throw assayError("tls_files", `The TLS files cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}
