import {
  attemptsQuery,
  attemptView,
  explanation,
  page,
  reasonRequest,
  tasksQuery,
  taskView,
} from "../../../contracts/index.ts";
import { actorOf } from "../guard.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { done, errors, found, taskParams } from "../route-schemas.ts";

export function taskRoutes(api: Api, { control, readModel }: RouteContext): void {
  api.get(
    "/api/v1/tasks",
    {
      config: { permission: "read" },
      schema: {
        operationId: "listTasks",
        tags: ["tasks"],
        querystring: tasksQuery,
        response: { 200: page(taskView), ...errors },
      },
    },
    (request) => readModel.tasks(request.query),
  );
  api.get(
    "/api/v1/tasks/:run_id/:task_id",
    {
      config: { permission: "read" },
      schema: { operationId: "getTask", tags: ["tasks"], params: taskParams, response: { 200: taskView, ...errors } },
    },
    async ({ params }) =>
      found(await readModel.task(params.run_id, params.task_id), `task ${params.task_id} in the run ${params.run_id}`),
  );
  api.get(
    "/api/v1/tasks/:run_id/:task_id/explain",
    {
      config: { permission: "read" },
      schema: {
        operationId: "explainTask",
        tags: ["tasks"],
        params: taskParams,
        response: { 200: explanation, ...errors },
      },
    },
    ({ params }) => control.explain({ runId: params.run_id, taskId: params.task_id }),
  );
  api.post(
    "/api/v1/tasks/:run_id/:task_id/cancel",
    {
      config: { permission: "cancel" },
      schema: { operationId: "cancelTask", tags: ["tasks"], params: taskParams, body: reasonRequest, response: done },
    },
    async (request, reply) => {
      const { run_id: runId, task_id: taskId } = request.params;
      await control.cancelTask({ runId, taskId }, { by: actorOf(request), reason: request.body.reason });
      return reply.code(204).send();
    },
  );
  api.get(
    "/api/v1/attempts",
    {
      config: { permission: "read" },
      schema: {
        operationId: "listAttempts",
        tags: ["tasks"],
        querystring: attemptsQuery,
        response: { 200: page(attemptView), ...errors },
      },
    },
    (request) => readModel.attempts(request.query),
  );
}
