import { readFile } from "node:fs/promises";
import { z } from "zod";
import { readSecretFile } from "../auth/index.ts";
import { errorCode } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { dataFolder } from "../coordinator/index.ts";
import { dataDirOf } from "./data-folders.ts";
import type { CliContext } from "./context.ts";
import { httpUrl } from "./option-values.ts";

/** How a command says which coordinator it means. */
export interface ConnectionOptions {
  coordinator?: string | undefined;
  token?: string | undefined;
  dataDir?: string | undefined;
}

/** A coordinator and how to prove who asks. */
export interface Connection {
  baseUrl: string;
  token: string;
}

const addressFile = z.object({ url: z.string(), pid: z.int() });

/**
 * The coordinator that a command talks to: `--coordinator`, ASSAY_COORDINATOR, or the one that runs on the data folder here.
 * The token is `--token`, ASSAY_TOKEN, or the admin token of that data folder. Undefined when none is named and none runs.
 * Error: unauthenticated when there is no token.
 */
export async function findConnection(options: ConnectionOptions, context: CliContext): Promise<Connection | undefined> {
  const folder = dataFolder(dataDirOf(options, context));
  const local = await runningCoordinator(folder.address);
  const named = options.coordinator ?? (context.env["ASSAY_COORDINATOR"] || undefined);
  const baseUrl = named === undefined ? local : httpUrl(named);
  if (baseUrl === undefined) return undefined;
  const given = options.token ?? (context.env["ASSAY_TOKEN"] || undefined);
  const token = given ?? (baseUrl === local ? await readSecretFile(folder.adminToken) : null);
  if (token === null) throw assayError("unauthenticated", `there is no token for ${baseUrl}`);
  return { baseUrl, token };
}

/** The same where a coordinator is needed. Errors: coordinator_unreachable, unauthenticated. */
export async function requireConnection(options: ConnectionOptions, context: CliContext): Promise<Connection> {
  const connection = await findConnection(options, context);
  if (connection !== undefined) return connection;
  const dataDir = dataDirOf(options, context);
  throw assayError("coordinator_unreachable", `no coordinator is named, and none runs on the data folder ${dataDir}`, {
    next: "Start one with `assay up` or `assay coordinator`, or pass --coordinator.",
  });
}

async function runningCoordinator(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  });
  const { data } = addressFile.safeParse(text === undefined ? undefined : jsonOf(text));
  return data !== undefined && isAlive(data.pid) ? new URL(data.url).origin : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Half written by a coordinator that died.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
