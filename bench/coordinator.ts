import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { createClient } from "../src/client/index.ts";
import type { Client } from "../src/client/index.ts";
import { dataFolder } from "../src/coordinator/index.ts";
import { startChild, stopChild } from "./child.ts";

const addressFile = z.object({ url: z.string(), pid: z.int() });

export interface CoordinatorProcess {
  url: string;
  token: string;
  pid: number;
  /** Where its journal and results are. */
  dataDir: string;
  client: Client;
  stop(): Promise<void>;
}

/** A coordinator in a process and a data folder of its own, found as commands on the same machine find it. */
export async function startCoordinatorProcess(execArgv: readonly string[] = []): Promise<CoordinatorProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), "assay-bench-"));
  const child = await startChild("./coordinator-process.ts", [dataDir], { execArgv });
  const folder = dataFolder(dataDir);
  const { url, pid } = addressFile.parse(JSON.parse(await readFile(folder.address, "utf8")));
  const token = (await readFile(folder.adminToken, "utf8")).trim();
  return {
    url,
    token,
    pid,
    dataDir,
    client: createClient({ baseUrl: url, token }),
    async stop() {
      await stopChild(child);
      await rm(dataDir, { recursive: true });
    },
  };
}
