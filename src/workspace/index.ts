/**
 * workspace: the files that tests need, from the machine where they are written to the workers. A snapshot is the digest of a folder;
 * only what is missing is sent; workers make the folder anew from a cache, and prepare it with set-up steps whose outcome is kept.
 *
 * Never: knows of tests, frameworks or tasks; speaks HTTP: it is given where blobs go and come from.
 * May enter: executors, planner, cli.
 */
export type { BlobSink, BlobSource } from "./blob-ports.ts";
export { git } from "./git.ts";
export { MADE } from "./listed-files.ts";
export { checkOut, gitAddress } from "./git-revision.ts";
export type { GitAddress } from "./git-revision.ts";
export type { RunLine, StepEnd } from "./setup-steps.ts";
export { shipFolder } from "./ship-folder.ts";
export type { ShippedFolder } from "./ship-folder.ts";
export { Workspaces } from "./workspaces.ts";
export type { TakenWorkspace, WorkspaceWish } from "./workspaces.ts";
