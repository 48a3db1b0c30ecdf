import {
  knownTestsRequest,
  knownTestsResponse,
  MAX_SUITE_BYTES,
  page,
  testsQuery,
  testView,
} from "../../../contracts/index.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors } from "../route-schemas.ts";

export function testRoutes(api: Api, { readModel }: RouteContext): void {
  api.get(
    "/api/v1/tests",
    {
      config: { permission: "read" },
      schema: {
        operationId: "listTests",
        tags: ["tests"],
        querystring: testsQuery,
        response: { 200: page(testView), ...errors },
      },
    },
    (request) => readModel.tests(request.query),
  );
  api.post(
    "/api/v1/tests/known",
    {
      // Names of tests are long and many.
      bodyLimit: MAX_SUITE_BYTES,
      config: { permission: "read" },
      schema: {
        operationId: "knownTests",
        tags: ["tests"],
        body: knownTestsRequest,
        response: { 200: knownTestsResponse, ...errors },
      },
    },
    async (request) => ({ items: await readModel.knownTests(request.body) }),
  );
}
