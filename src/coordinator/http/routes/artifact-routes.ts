import { z } from "zod";
import { artifactsQuery, artifactView, page, resultsQuery, resultView } from "../../../contracts/index.ts";
import { blobReply } from "../blob-reply.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors, sha256, streamed } from "../route-schemas.ts";

const contentParams = z.strictObject({ sha256 });
const contentQuery = z.strictObject({
  run_id: z.string().optional().describe("Name the download as this run does, where several have the same content"),
  task_id: z.string().optional(),
});

export function artifactRoutes(api: Api, { readModel, blobs }: RouteContext): void {
  api.get(
    "/api/v1/results",
    {
      config: { permission: "read" },
      schema: {
        operationId: "listResults",
        tags: ["results"],
        querystring: resultsQuery,
        response: { 200: page(resultView), ...errors },
      },
    },
    (request) => readModel.results(request.query),
  );
  api.get(
    "/api/v1/artifacts",
    {
      config: { permission: "read" },
      schema: {
        operationId: "listArtifacts",
        tags: ["results"],
        querystring: artifactsQuery,
        response: { 200: page(artifactView), ...errors },
      },
    },
    (request) => readModel.artifacts(request.query),
  );
  api.get(
    "/api/v1/artifacts/:sha256/content",
    {
      config: { permission: "blob_read" },
      schema: {
        operationId: "downloadArtifact",
        tags: ["results"],
        params: contentParams,
        querystring: contentQuery,
        response: {
          200: streamed("The bytes, with the artifact's name and content type", "application/octet-stream"),
          206: streamed("The bytes of the range", "application/octet-stream"),
          ...errors,
        },
      },
    },
    async (request, reply) => {
      const { sha256: digest } = request.params;
      const { items } = await readModel.artifacts({ ...request.query, sha256: digest, limit: 1 });
      const names = items[0] === undefined ? {} : { contentType: items[0].content_type, fileName: items[0].name };
      return reply.send(await blobReply(reply, blobs, { sha256: digest, range: request.headers.range, ...names }));
    },
  );
}
