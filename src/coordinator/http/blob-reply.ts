import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { assayError } from "../../contracts/index.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { requestedRange } from "./byte-range.ts";

const OCTETS = "application/octet-stream";

/**
 * Sets status and headers for a blob and gives its bytes, honouring a range. Content of unknown origin: a browser must
 * only ever save it.
 *
 * @throws AssayError `not_found`
 */
export async function blobReply(
  reply: FastifyReply,
  blobs: BlobStore,
  wanted: { sha256: string; range: string | undefined; contentType?: string; fileName?: string },
): Promise<Readable> {
  const { sha256 } = wanted;
  const sizeBytes = await blobs.sizeOf(sha256);
  if (sizeBytes === null) throw assayError("not_found", `There is no blob ${sha256}`);
  const range = requestedRange(wanted.range, sizeBytes);
  if (range === "unsatisfiable") {
    reply.header("content-range", `bytes */${sizeBytes}`);
    throw Object.assign(new Error(`The range ${wanted.range} lies beyond the ${sizeBytes} bytes of the blob`), {
      statusCode: 416,
    });
  }
  const blob = await blobs.openRead(sha256, range === "whole" ? undefined : range);
  if (blob === null) throw assayError("not_found", `There is no blob ${sha256}`);
  reply.headers({
    "content-type": safeContentType(wanted.contentType ?? OCTETS),
    "content-disposition": attachment(wanted.fileName ?? sha256),
    "content-security-policy": "default-src 'none'; sandbox",
    "accept-ranges": "bytes",
    etag: `"${sha256}"`,
  });
  if (range === "whole") {
    reply.header("content-length", sizeBytes);
  } else {
    reply.code(206).headers({
      "content-length": range.last - range.first + 1,
      "content-range": `bytes ${range.first}-${range.last}/${sizeBytes}`,
    });
  }
  return blob.content instanceof Readable ? blob.content : Readable.from(blob.content);
}

/** A content type as a worker reported it, if it is one. */
function safeContentType(text: string): string {
  return /^[\w.+-]+\/[\w.+-]+(; ?[\w-]+=[\w.+-]+)*$/.test(text) ? text : OCTETS;
}

/** The last part of an artifact's name, in both of the forms that RFC 6266 knows. */
function attachment(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? "";
  const ascii = last.replaceAll(/[^\w. ()+-]/g, "_") || "artifact";
  // encodeURIComponent refuses halves of surrogate pairs.
  const encoded = encodeURIComponent(last.toWellFormed()).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded || "artifact"}`;
}
