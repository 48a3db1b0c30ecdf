import { z } from "zod";
import {
  createTokenRequest,
  createTokenResponse,
  identifier,
  sqlRequest,
  sqlResponse,
  stateHashResponse,
  statusResponse,
  tokensResponse,
} from "../../../contracts/index.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { done, errors } from "../route-schemas.ts";

const tokenParams = z.strictObject({ token_id: identifier });

export function adminRoutes(api: Api, { control, readModel }: RouteContext): void {
  api.get(
    "/api/v1/status",
    {
      config: { permission: "read" },
      schema: { operationId: "getStatus", tags: ["coordinator"], response: { 200: statusResponse, ...errors } },
    },
    async () => control.status(),
  );
  api.get(
    "/api/v1/state-hash",
    {
      config: { permission: "state_hash" },
      schema: { operationId: "getStateHash", tags: ["coordinator"], response: { 200: stateHashResponse, ...errors } },
    },
    () => readModel.stateHash(),
  );
  api.post(
    "/api/v1/query",
    {
      config: { permission: "sql" },
      schema: { operationId: "query", tags: ["results"], body: sqlRequest, response: { 200: sqlResponse, ...errors } },
    },
    ({ body }) => readModel.sql(body.sql, body.max_rows),
  );
  api.get(
    "/api/v1/tokens",
    {
      config: { permission: "tokens" },
      schema: { operationId: "listTokens", tags: ["tokens"], response: { 200: tokensResponse, ...errors } },
    },
    async () => ({ items: control.tokens() }),
  );
  api.post(
    "/api/v1/tokens",
    {
      config: { permission: "tokens" },
      schema: {
        operationId: "createToken",
        tags: ["tokens"],
        body: createTokenRequest,
        response: { 201: createTokenResponse.describe("The only time that the token is shown"), ...errors },
      },
    },
    async ({ body }, reply) => reply.code(201).send(await control.createToken(body)),
  );
  api.delete(
    "/api/v1/tokens/:token_id",
    {
      config: { permission: "tokens" },
      schema: { operationId: "revokeToken", tags: ["tokens"], params: tokenParams, response: done },
    },
    async ({ params }, reply) => {
      await control.revokeToken(params.token_id);
      return reply.code(204).send();
    },
  );
}
