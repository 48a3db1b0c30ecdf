import { Readable } from "node:stream";
import { z } from "zod";
import { identifier } from "../../../contracts/index.ts";
import { eventStream } from "../event-stream.ts";
import { bearerToken } from "../guard.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors, streamed } from "../route-schemas.ts";
import { streamHeaders } from "../stream-headers.ts";

const seq = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const eventsQuery = z.strictObject({
  after: seq.default(0).describe("Only events after this place in the journal"),
  run_id: identifier.optional(),
  type: z.string().max(50).optional().describe("Only events of this type, e.g. run_finished"),
});
const eventsHeaders = z.looseObject({ "last-event-id": seq.optional().describe("Counts more than `after`") });

export function eventRoutes(api: Api, { control, readModel, streams, clock, limits }: RouteContext): void {
  api.get(
    "/api/v1/events",
    {
      config: { permission: "read" },
      schema: {
        operationId: "watchEvents",
        tags: ["events"],
        querystring: eventsQuery,
        headers: eventsHeaders,
        response: {
          200: streamed(
            "Server-sent events: `id` is the place in the journal, `data` the event as JSON",
            "text/event-stream",
          ),
          ...errors,
        },
      },
    },
    async (request, reply) => {
      const { after, run_id: runId, type } = request.query;
      const token = bearerToken(request);
      const events = eventStream({
        readModel,
        clock,
        heartbeatMs: limits.heartbeatMs,
        afterSeq: request.headers["last-event-id"] ?? after,
        runId,
        type,
        signal: streams.enter(reply.raw),
        stillAllowed: () => control.authenticate(token).ok,
      });
      return reply.headers(streamHeaders("text/event-stream; charset=utf-8")).send(Readable.from(events));
    },
  );
}
