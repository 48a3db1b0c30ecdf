import { z } from "zod";
import { assayError } from "../../../contracts/index.ts";
import { blobReply } from "../blob-reply.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors, found, sha256, streamed } from "../route-schemas.ts";

const blobParams = z.strictObject({ sha256 });
const storedBlob = z.strictObject({ sha256, size_bytes: z.int() });

/** Bytes by their digest: what workers write and read. In its own scope, where bodies stay streams. */
export function blobRoutes(api: Api, context: RouteContext): void {
  api.register(async (scope: Api) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, parsed) => parsed(null, payload));
    putRoute(scope, context);
    readRoutes(scope, context);
  });
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
      // A refused upload must not destroy the connection that the refusal goes out on.
      const content = request.raw.iterator({ destroyOnReturn: false });
      const { sizeBytes } = await blobs.put(digest, content, { maxBytes: limits.blobBytes });
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
