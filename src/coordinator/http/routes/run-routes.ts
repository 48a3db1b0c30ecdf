import { z } from "zod";
import {
  MAX_SUITE_BYTES,
  page,
  reasonRequest,
  runsQuery,
  runView,
  submitRunRequest,
  submitRunResponse,
} from "../../../contracts/index.ts";
import { actorOf } from "../guard.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { done, errors, found, runParams } from "../route-schemas.ts";

const submitHeaders = z.looseObject({
  "idempotency-key": z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("The same key with the same run gives the run that exists; with another run it is a conflict"),
});

export function runRoutes(api: Api, { control, readModel }: RouteContext): void {
  api.get(
    "/api/v1/runs",
    {
      config: { permission: "read" },
      schema: {
        operationId: "listRuns",
        tags: ["runs"],
        querystring: runsQuery,
        response: { 200: page(runView), ...errors },
      },
    },
    (request) => readModel.runs(request.query),
  );
  api.post(
    "/api/v1/runs",
    {
      config: { permission: "submit", bodyTooLarge: "suite_too_large" },
      bodyLimit: MAX_SUITE_BYTES,
      schema: {
        operationId: "submitRun",
        tags: ["runs"],
        headers: submitHeaders,
        body: submitRunRequest,
        response: {
          200: submitRunResponse.describe("The run existed"),
          201: submitRunResponse.describe("Accepted"),
          ...errors,
        },
      },
    },
    async (request, reply) => {
      const origin = { by: actorOf(request), idempotencyKey: request.headers["idempotency-key"] ?? null };
      const answer = await control.submitRun(request.body, origin);
      return reply
        .code(answer.duplicate ? 200 : 201)
        .header("location", `/api/v1/runs/${encodeURIComponent(answer.run_id)}`)
        .send(answer);
    },
  );
  api.get(
    "/api/v1/runs/:run_id",
    {
      config: { permission: "read" },
      schema: { operationId: "getRun", tags: ["runs"], params: runParams, response: { 200: runView, ...errors } },
    },
    async ({ params }) => found(await readModel.run(params.run_id), `run ${params.run_id}`),
  );
  api.post(
    "/api/v1/runs/:run_id/cancel",
    {
      config: { permission: "cancel" },
      schema: { operationId: "cancelRun", tags: ["runs"], params: runParams, body: reasonRequest, response: done },
    },
    async (request, reply) => {
      await control.cancelRun(request.params.run_id, { by: actorOf(request), reason: request.body.reason });
      return reply.code(204).send();
    },
  );
}
