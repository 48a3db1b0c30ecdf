import { z } from "zod";
import {
  createJoinCodeRequest,
  createJoinCodeResponse,
  joinRequest,
  joinResponse,
  tabView,
} from "../../../contracts/index.ts";
import { addressLimit } from "../address-limit.ts";
import { actorOf } from "../guard.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors, found } from "../route-schemas.ts";

const LASTING = "public, max-age=31536000, immutable";

/** Isolation gives the page threads and a precise clock; nothing is loaded from anywhere else, run from text, or framed. */
const pageHeaders = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
};

/** How a browser's tab becomes a worker. */
export function joinRoutes(api: Api, context: RouteContext): void {
  exchangeRoutes(api, context);
  siteRoutes(api, context);
}

function exchangeRoutes(api: Api, { control, limits }: RouteContext): void {
  const { joinsPerMinute } = limits;
  const message = `More than ${joinsPerMinute} codes came from this address in a minute`;
  const countGuess = addressLimit(api, joinsPerMinute, message);
  api.post(
    "/api/v1/join-codes",
    {
      config: { permission: "workers" },
      schema: {
        operationId: "createJoinCode",
        tags: ["joining"],
        body: createJoinCodeRequest,
        response: { 201: createJoinCodeResponse, ...errors },
      },
    },
    async ({ body }, reply) => reply.code(201).send(await control.createJoinCode(body)),
  );
  api.post(
    "/api/v1/join",
    {
      config: { permission: "open" },
      schema: {
        operationId: "join",
        tags: ["joining"],
        security: [],
        body: joinRequest,
        response: { 201: joinResponse.describe("The only time that the token is shown"), ...errors },
      },
    },
    async (request, reply) => {
      // Before the code is looked at: too many guesses are told nothing, not even by a right one.
      await countGuess(request, reply);
      return reply.code(201).send(await control.join(request.body.code));
    },
  );
  api.get(
    "/api/v1/join",
    {
      config: { permission: "worker_link" },
      schema: { operationId: "getTab", tags: ["joining"], response: { 200: tabView, ...errors } },
    },
    async (request) => {
      const actor = actorOf(request);
      const { workerId, pool } = found(actor.role === "tab" ? actor.tab : null, "tab with this token");
      return { worker_id: workerId, name: actor.name, pool };
    },
  );
}

function siteRoutes(api: Api, { joinSite }: RouteContext): void {
  for (const url of ["/join", "/join/*"]) {
    api.get(
      url,
      { config: { permission: "open" }, schema: { hide: true, params: z.object({ "*": z.string().default("") }) } },
      async ({ params }, reply) => {
        const name = params["*"];
        const file = found((await joinSite?.file(name)) ?? null, `file /join/${name}`);
        reply.headers({ ...pageHeaders, "content-type": file.contentType });
        if (file.lasting) reply.header("cache-control", LASTING);
        return reply.send(file.content);
      },
    );
  }
}
