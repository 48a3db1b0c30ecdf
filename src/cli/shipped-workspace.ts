import { createHash } from "node:crypto";
import { join } from "node:path";
import { assayError } from "../contracts/index.ts";
import type { Project, WorkspaceSource } from "../contracts/index.ts";
import { defaultSetup } from "../planner/index.ts";
import { shipFolder } from "../workspace/index.ts";
import type { ShippedFolder } from "../workspace/index.ts";
import { makePrivateFolder } from "./data-folders.ts";
import type { DiscoveredSuite } from "./discovered-suites.ts";
import { bytesText, countText } from "./quantities.ts";
import type { CoordinatorSession } from "./with-coordinator.ts";

export interface WorkspaceRequest {
  /** Of the project, on this machine. */
  folder: string;
  project: Project;
  suites: readonly DiscoveredSuite[];
  /** The workers use the folder itself. */
  inPlace: boolean;
  /** The data folder of this command: no part of the project, even where it is in it. */
  dataDir: string;
  /** Patterns of what else is no part of it. */
  made: readonly string[];
}

/** Where workers find the files, and the suites as they are run there. */
export interface PreparedWorkspace {
  source: WorkspaceSource;
  suites: readonly DiscoveredSuite[];
  /** For `--json`. */
  shipped: { root: string; files: number; sent_files: number; sent_bytes: number; seconds: number } | null;
}

/**
 * Ships a project to the coordinator, unless its workers are in this process and need nothing prepared: then they use the folder as it is.
 * Errors: workspace_refused, interrupted, and those of the client.
 */
export async function prepareWorkspace(
  session: CoordinatorSession,
  request: WorkspaceRequest,
): Promise<PreparedWorkspace> {
  const { folder, suites, inPlace } = request;
  const hasSetup = suites.some(({ suite }) => (suite.setup ?? []).length > 0);
  if (inPlace && hasSetup) session.screen.warn("set-up steps do not run where files are used in place");
  if (inPlace || (session.embeddedDataDir !== undefined && !hasSetup)) {
    const asTheyAre = suites.map((one) => ({ ...one, suite: { ...one.suite, setup: [] } }));
    return { source: { folder }, suites: asTheyAre, shipped: null };
  }
  const { clock } = session.context;
  const startedMs = clock.monotonicMs();
  const shipped = await ship(session, request);
  const seconds = (clock.monotonicMs() - startedMs) / 1000;
  const { root, files, sent } = shipped;
  session.screen.info(
    `workspace: ${countText(files, "file")}, ${sent.files} sent (${bytesText(sent.bytes)}) in ${seconds.toFixed(1)} s`,
  );
  return {
    source: { root },
    suites: await Promise.all(suites.map((one) => withSetup(one, { session, folder, shipped }))),
    shipped: { root, files, sent_files: sent.files, sent_bytes: sent.bytes, seconds },
  };
}

async function ship(
  { client, context }: CoordinatorSession,
  { folder, project, dataDir, made }: WorkspaceRequest,
): Promise<ShippedFolder> {
  const { signal } = context.interrupts;
  const name = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  const cacheFile = await makePrivateFolder(dataDir).then(
    () => join(dataDir, "snapshots", `${name}.json`),
    () => undefined,
  );
  const { include } = project.workspace;
  const exclude = [...project.workspace.exclude, ...made];
  try {
    return await shipFolder(folder, client, {
      include,
      exclude,
      without: [dataDir],
      cacheFile,
      env: context.env,
      signal,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw assayError("interrupted", "interrupted while files were sent", { cause: error });
  }
}

async function withSetup(
  one: DiscoveredSuite,
  { session, folder, shipped }: { session: CoordinatorSession; folder: string; shipped: ShippedFolder },
): Promise<DiscoveredSuite> {
  if (one.suite.setup !== undefined) return one;
  const { steps, note } = await defaultSetup(one.suite, { folder, has: shipped.has });
  if (note !== null) session.screen.info(note);
  return { ...one, suite: { ...one.suite, setup: steps } };
}
