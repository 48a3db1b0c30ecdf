import { assayError } from "../contracts/index.ts";
import type { BlobSink } from "./blob-ports.ts";
import { FileChanged, ship } from "./ship.ts";
import type { Shipment } from "./ship.ts";
import { snapshot } from "./snapshot.ts";
import type { SnapshotOptions } from "./snapshot.ts";

/** A folder that is there for workers. */
export interface ShippedFolder {
  root: string;
  files: number;
  sent: Shipment;
  /** Whether a file, or anything below it, is in it; with `/`. */
  has: (path: string) => boolean;
}

/** Of a folder in which files change all the time. */
const TRIES = 3;

/** Takes a snapshot and sends what is missing of it; again when a file was changed meanwhile. Errors as for both, and workspace_refused. */
export async function shipFolder(folder: string, sink: BlobSink, options: SnapshotOptions): Promise<ShippedFolder> {
  const sent: Shipment = { files: 0, bytes: 0 };
  for (let tries = 1; ; tries += 1) {
    const taken = await snapshot(folder, options);
    try {
      const { files, bytes } = await ship(taken, sink, options.signal);
      sent.files += files;
      sent.bytes += bytes;
      return { root: taken.root, files: taken.files, sent, has: (path) => isIn(taken.paths, path) };
    } catch (error) {
      if (!(error instanceof FileChanged)) throw error;
      if (tries === TRIES)
        throw assayError("workspace_refused", error.message, {
          next: "Stop what writes it, or name it under workspace.exclude in assay.yaml.",
        });
    }
  }
}

function isIn(paths: ReadonlySet<string>, path: string): boolean {
  return paths.has(path) || [...paths].some((one) => one.startsWith(`${path}/`));
}
