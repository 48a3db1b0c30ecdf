import { z } from "zod";
import { identifier, patternRequest, patternsResponse, patternView } from "../../../contracts/index.ts";
import { actorOf } from "../guard.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors } from "../route-schemas.ts";

export function patternRoutes(api: Api, { control }: RouteContext): void {
  api.get(
    "/api/v1/patterns",
    {
      config: { permission: "read" },
      schema: { operationId: "listPatterns", tags: ["patterns"], response: { 200: patternsResponse, ...errors } },
    },
    async () => ({ items: control.patterns() }),
  );
  api.put(
    "/api/v1/patterns/:id",
    {
      config: { permission: "patterns" },
      schema: {
        operationId: "setPattern",
        tags: ["patterns"],
        params: z.strictObject({ id: identifier }),
        body: patternRequest,
        response: { 200: patternView, ...errors },
      },
    },
    (request) => control.setPattern({ patternId: request.params.id, ...request.body }, { by: actorOf(request) }),
  );
}
