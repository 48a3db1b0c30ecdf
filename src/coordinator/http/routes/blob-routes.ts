import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { z } from "zod";
import { inParallel } from "../../../base/index.ts";
import {
  assayError,
  BLOB_BATCH_TYPE,
  decodeBlobBatch,
  missingBlobsRequest,
  missingBlobsResponse,
  readBlobsRequest,
  storeBlobsResponse,
} from "../../../contracts/index.ts";
import { blobBatchReply } from "../blob-batch-reply.ts";
import { blobReply } from "../blob-reply.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors, found, sha256, streamed } from "../route-schemas.ts";

const blobParams = z.strictObject({ sha256 });
const storedBlob = z.strictObject({ sha256, size_bytes: z.int() });

/** Digests that are looked for at a time. */
const PARALLEL_LOOKS = 16;

/** Bytes by their digest: what workers and submitters write and read. Bytes have a scope of their own, where bodies stay streams. */
export function blobRoutes(api: Api, context: RouteContext): void {
  missingRoute(api, context);
  readBatchRoute(api, context);
  api.register(async (scope: Api) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, parsed) => parsed(null, payload));
    putRoute(scope, context);
    putBatchRoute(scope, context);
    readRoutes(scope, context);
  });
}

function missingRoute(api: Api, { blobs, limits }: RouteContext): void {
  api.post(
    "/api/v1/blobs/missing",
    {
      bodyLimit: limits.digestsBytes,
      config: { permission: "blob_read" },
      schema: {
        operationId: "missingBlobs",
        tags: ["blobs"],
        body: missingBlobsRequest,
        response: { 200: missingBlobsResponse, ...errors },
      },
    },
    async (request) => {
      const missing = new Set(request.body.sha256);
      await inParallel([...missing], PARALLEL_LOOKS, async (digest) => {
        if (await blobs.has(digest)) missing.delete(digest);
      });
      return { missing: [...missing] };
    },
  );
}

function readBatchRoute(api: Api, { blobs }: RouteContext): void {
  const what =
    "The blobs in the order asked for, each as its digest (32 bytes), its length (4 bytes, the highest first) and its content. Left out are " +
    "missing ones, those of more than 1 MiB, and, once one does not fit into 16 MiB, it and those after it";
  api.post(
    "/api/v1/blobs/read",
    {
      config: { permission: "blob_read" },
      schema: {
        operationId: "readBlobs",
        tags: ["blobs"],
        body: readBlobsRequest,
        response: { 200: streamed(what, BLOB_BATCH_TYPE), ...errors },
      },
    },
    async (request, reply) => {
      const batch = Readable.from(blobBatchReply(blobs, request.body.sha256), { objectMode: false });
      return reply.type(BLOB_BATCH_TYPE).send(batch);
    },
  );
}

function putBatchRoute(api: Api, { blobs }: RouteContext): void {
  api.post(
    "/api/v1/blobs",
    {
      config: { permission: "blob_write" },
      schema: {
        operationId: "putBlobs",
        tags: ["blobs"],
        consumes: [BLOB_BATCH_TYPE],
        response: { 200: storeBlobsResponse, ...errors },
      },
    },
    async ({ raw }) => ({ stored: await blobs.putAll(decodeBlobBatch(bodyOf(raw))) }),
  );
}

/** A body as it comes. One that is refused in its middle must not destroy the connection, nor keep it from its next request. */
async function* bodyOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* request.iterator({ destroyOnReturn: false });
  } finally {
    request.resume();
  }
}

function putRoute(api: Api, { blobs, limits }: RouteContext): void {
  api.put(
    "/api/v1/blobs/:sha256",
    {
      config: { permission: "blob_write" },
      schema: {
        operationId: "putBlob",
        tags: ["blobs"],
        consumes: ["application/octet-stream"],
        params: blobParams,
        response: { 200: storedBlob, ...errors },
      },
    },
    async (request) => {
      const { sha256: digest } = request.params;
      if (Number(request.headers["content-length"] ?? 0) > limits.blobBytes) {
        throw assayError("blob_too_large", `The blob ${digest} is larger than the limit of ${limits.blobBytes} bytes`);
      }
      const { sizeBytes } = await blobs.put(digest, bodyOf(request.raw), { maxBytes: limits.blobBytes });
      return { sha256: digest, size_bytes: sizeBytes };
    },
  );
}

function readRoutes(api: Api, { blobs }: RouteContext): void {
  api.head(
    "/api/v1/blobs/:sha256",
    {
      config: { permission: "blob_read", swagger: { exposeHeadRoute: true } },
      schema: {
        operationId: "findBlob",
        tags: ["blobs"],
        params: blobParams,
        response: { 200: z.undefined().describe("It is there; content-length is its size"), ...errors },
      },
    },
    async (request, reply) => {
      const { sha256: digest } = request.params;
      const sizeBytes = found(await blobs.sizeOf(digest), `blob ${digest}`);
      reply.headers({ "content-length": sizeBytes, "accept-ranges": "bytes", etag: `"${digest}"` });
      return reply.code(200).send();
    },
  );
  api.get(
    "/api/v1/blobs/:sha256",
    {
      config: { permission: "blob_read" },
      schema: {
        operationId: "getBlob",
        tags: ["blobs"],
        params: blobParams,
        response: {
          200: streamed("The bytes", "application/octet-stream"),
          206: streamed("The bytes of the range", "application/octet-stream"),
          ...errors,
        },
      },
    },
    async (request, reply) => {
      const wanted = { sha256: request.params.sha256, range: request.headers.range };
      return reply.send(await blobReply(reply, blobs, wanted));
    },
  );
}
