import { z } from "zod";
import { assayError } from "../../../contracts/index.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors } from "../route-schemas.ts";

/** Health for supervisors and load balancers, and the description of this API. */
export function systemRoutes(api: Api, { control }: RouteContext): void {
  api.get(
    "/healthz",
    {
      config: { permission: "open" },
      schema: {
        operationId: "isAlive",
        tags: ["health"],
        response: { 200: z.strictObject({ alive: z.literal(true) }), ...errors },
      },
    },
    async () => ({ alive: true as const }),
  );
  api.get(
    "/readyz",
    {
      config: { permission: "open" },
      schema: {
        operationId: "isReady",
        tags: ["health"],
        response: { 200: z.strictObject({ ready: z.literal(true) }), ...errors },
      },
    },
    async () => {
      if (!control.ready())
        throw assayError("not_leader", "This coordinator does not lead, or cannot write its journal");
      return { ready: true as const };
    },
  );
  api.get(
    "/openapi.json",
    {
      config: { permission: "read" },
      schema: { operationId: "getOpenApi", tags: ["coordinator"], response: { 200: z.looseObject({}), ...errors } },
    },
    async () => ({ ...api.swagger() }),
  );
}
