import { z } from "zod";
import { MAX_BATCH_BLOBS } from "./blob-batch.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const name = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => text !== "." && text !== ".." && !/[/\\\0]/.test(text), "must be the name of one file");

/** One thing in a folder. A mode is only whether the file may be executed; a link is its target as it stands. */
export const folderEntry = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("file"),
    name,
    sha256,
    size: z.int().min(0),
    executable: z.literal(true).optional(),
  }),
  z.strictObject({ kind: z.literal("folder"), name, sha256 }),
  z.strictObject({ kind: z.literal("link"), name, target: z.string().min(1).max(4_096) }),
]);
export type FolderEntry = z.infer<typeof folderEntry>;

/**
 * A folder of a workspace, as it is stored: canonical JSON, entries in the order of their names' UTF-16 code units. A workspace is the
 * digest of its root, so an equal folder is stored once, and a changed file changes only the folders above it.
 */
export const folderListing = z.strictObject({ entries: z.array(folderEntry).max(1_000_000) });
export type FolderListing = z.infer<typeof folderListing>;

/** Most digests that may be asked about at once. */
export const MAX_DIGESTS_ASKED = 50_000;

/** Which of these blobs the coordinator lacks. */
export const missingBlobsRequest = z.strictObject({ sha256: z.array(sha256).max(MAX_DIGESTS_ASKED) });
export const missingBlobsResponse = z.strictObject({ missing: z.array(sha256) });
export type MissingBlobsResponse = z.infer<typeof missingBlobsResponse>;

/** Of how many blobs of a batch it is sure that they are kept: of all that came. */
export const storeBlobsResponse = z.strictObject({ stored: z.int().min(0) });

/**
 * The blobs that are to come as a batch, in this order. Left out are those that are missing, those that are too large for a batch, and, once
 * one does not fit into the batch any more, it and those after it.
 */
export const readBlobsRequest = z.strictObject({ sha256: z.array(sha256).max(MAX_BATCH_BLOBS) });
