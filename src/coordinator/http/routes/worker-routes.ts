import { z } from "zod";
import {
  identifier,
  page,
  reasonRequest,
  workerCommandRequest,
  workerCommandsResponse,
  workerCommandView,
  workersQuery,
  workerView,
} from "../../../contracts/index.ts";
import { allItems, firstItem } from "../all-items.ts";
import { actorOf } from "../guard.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { done, errors, found } from "../route-schemas.ts";

const workerParams = z.strictObject({ worker_id: identifier });

/** In and out of quarantine: the last word of the route, and who does it. */
const quarantineRoutes = [
  ["quarantine", "quarantineWorker"],
  ["release", "releaseWorker"],
] as const;

export function workerRoutes(api: Api, { control, readModel }: RouteContext): void {
  api.get(
    "/api/v1/workers",
    {
      config: { permission: "read" },
      schema: {
        operationId: "listWorkers",
        tags: ["workers"],
        querystring: workersQuery,
        response: { 200: page(workerView), ...errors },
      },
    },
    (request) => readModel.workers(request.query),
  );
  api.get(
    "/api/v1/workers/:worker_id",
    {
      config: { permission: "read" },
      schema: {
        operationId: "getWorker",
        tags: ["workers"],
        params: workerParams,
        response: { 200: workerView, ...errors },
      },
    },
    async ({ params }) => {
      const workers = allItems((paging) => readModel.workers(paging));
      const worker = await firstItem(workers, ({ worker_id: id }) => id === params.worker_id);
      return found(worker, `worker ${params.worker_id}`);
    },
  );
  for (const [word, ask] of quarantineRoutes) {
    api.post(
      `/api/v1/workers/:worker_id/${word}`,
      {
        config: { permission: "workers" },
        schema: { operationId: ask, tags: ["workers"], params: workerParams, body: reasonRequest, response: done },
      },
      async (request, reply) => {
        await control[ask](request.params.worker_id, { by: actorOf(request), reason: request.body.reason });
        return reply.code(204).send();
      },
    );
  }
  commandRoutes(api, control);
}

function commandRoutes(api: Api, control: RouteContext["control"]): void {
  api.post(
    "/api/v1/workers/:worker_id/commands",
    {
      config: { permission: "workers" },
      schema: {
        operationId: "commandWorker",
        tags: ["workers"],
        params: workerParams,
        body: workerCommandRequest,
        response: { 200: workerCommandView, ...errors },
      },
    },
    (request) => control.commandWorker(request.params.worker_id, request.body, { by: actorOf(request) }),
  );
  api.get(
    "/api/v1/workers/:worker_id/commands",
    {
      config: { permission: "read" },
      schema: {
        operationId: "listWorkerCommands",
        tags: ["workers"],
        params: workerParams,
        response: { 200: workerCommandsResponse, ...errors },
      },
    },
    ({ params }) => ({ items: control.workerCommands(params.worker_id) }),
  );
}
