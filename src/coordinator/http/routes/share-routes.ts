import { z } from "zod";
import { identifier, shareKinds, shareRequest, sharesResponse, shareView } from "../../../contracts/index.ts";
import { actorOf } from "../guard.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors } from "../route-schemas.ts";

const shareParams = z.strictObject({ kind: z.enum(shareKinds), name: identifier });

export function shareRoutes(api: Api, { control }: RouteContext): void {
  api.get(
    "/api/v1/shares",
    {
      config: { permission: "read" },
      schema: { operationId: "listShares", tags: ["shares"], response: { 200: sharesResponse, ...errors } },
    },
    async () => ({ items: control.shares() }),
  );
  api.put(
    "/api/v1/shares/:kind/:name",
    {
      config: { permission: "shares" },
      schema: {
        operationId: "setShare",
        tags: ["shares"],
        params: shareParams,
        body: shareRequest,
        response: { 200: shareView, ...errors },
      },
    },
    (request) => control.setShare({ ...request.params, ...request.body }, { by: actorOf(request) }),
  );
}
