import { z } from "zod";
import {
  addTemplateRequest,
  templateName,
  templateQuery,
  templatesResponse,
  templateView,
} from "../../../contracts/index.ts";
import { actorOf } from "../guard.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { done, errors, found } from "../route-schemas.ts";

const tags = ["templates"];
const params = z.strictObject({ name: templateName });

export function templateRoutes(api: Api, { control }: RouteContext): void {
  api.get(
    "/api/v1/templates",
    {
      config: { permission: "read" },
      schema: { operationId: "listTemplates", tags, response: { 200: templatesResponse, ...errors } },
    },
    async () => ({ items: control.templates() }),
  );
  api.post(
    "/api/v1/templates",
    {
      config: { permission: "templates" },
      schema: {
        operationId: "addTemplate",
        tags,
        body: addTemplateRequest,
        response: { 200: templateView.describe("The new version, or the newest if it is the same"), ...errors },
      },
    },
    (request) => control.addTemplate(request.body, { by: actorOf(request) }),
  );
  api.get(
    "/api/v1/templates/:name",
    {
      config: { permission: "read" },
      schema: {
        operationId: "getTemplate",
        tags,
        params,
        querystring: templateQuery,
        response: { 200: templateView, ...errors },
      },
    },
    async ({ params: { name }, query: { version } }) =>
      found(control.template(name, version), `template ${name}${version === undefined ? "" : ` version ${version}`}`),
  );
  api.delete(
    "/api/v1/templates/:name",
    {
      config: { permission: "templates" },
      schema: { operationId: "removeTemplate", tags, params, response: done },
    },
    async (request, reply) => {
      await control.removeTemplate(request.params.name, { by: actorOf(request) });
      return reply.code(204).send();
    },
  );
}
