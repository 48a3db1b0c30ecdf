import { z } from "zod";
import { identifier, mute, muteRequest, mutesResponse } from "../../../contracts/index.ts";
import { actorOf } from "../guard.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { done, errors } from "../route-schemas.ts";

const tags = ["tests"];

export function muteRoutes(api: Api, { control }: RouteContext): void {
  api.get(
    "/api/v1/mutes",
    {
      config: { permission: "read" },
      schema: { operationId: "listMutes", tags, response: { 200: mutesResponse, ...errors } },
    },
    async () => ({ items: await control.mutes() }),
  );
  api.post(
    "/api/v1/mutes",
    {
      config: { permission: "mute" },
      schema: { operationId: "muteTest", tags, body: muteRequest, response: { 200: mute, ...errors } },
    },
    (request) => control.muteTest(request.body, { by: actorOf(request) }),
  );
  api.delete(
    "/api/v1/mutes/:mute_id",
    {
      config: { permission: "mute" },
      schema: {
        operationId: "unmuteTest",
        tags,
        params: z.strictObject({ mute_id: identifier }),
        response: done,
      },
    },
    async (request, reply) => {
      await control.unmuteTest(request.params.mute_id, { by: actorOf(request) });
      return reply.code(204).send();
    },
  );
}
