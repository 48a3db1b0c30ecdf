import { join } from "node:path";

/** Where a coordinator keeps what: one place for the names. */
export interface DataFolder {
  journal: string;
  results: string;
  blobs: string;
  adminToken: string;
  /** Tells commands on the same machine where the coordinator listens. */
  address: string;
}

export function dataFolder(dataDir: string): DataFolder {
  return {
    journal: join(dataDir, "journal"),
    results: join(dataDir, "results.duckdb"),
    blobs: join(dataDir, "blobs"),
    adminToken: join(dataDir, "admin.token"),
    address: join(dataDir, "coordinator.json"),
  };
}
