import swagger from "@fastify/swagger";
import type { FastifyInstance, RouteOptions } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import type { core } from "zod";
import { permissions } from "../../auth/index.ts";
import * as contracts from "../../contracts/index.ts";

/** Schemas that the document names once and refers to; the others stand where they are used. */
const named = z.registry<{ id: string }>();
named.add(contracts.runView, { id: "Run" });
named.add(contracts.taskView, { id: "Task" });
named.add(contracts.taskSpec, { id: "TaskSpec" });
named.add(contracts.attemptView, { id: "Attempt" });
named.add(contracts.workerView, { id: "Worker" });
named.add(contracts.resultView, { id: "Result" });
named.add(contracts.artifactView, { id: "Artifact" });
named.add(contracts.explanation, { id: "Explanation" });
named.add(contracts.errorResponse, { id: "Error" });

const conversion = { schemaRegistry: named, zodToJsonConfig: { override: fitDocument } };
const transformRoute = createJsonSchemaTransform(conversion);
const transformDocument = createJsonSchemaTransformObject(conversion);

/** Collects the routes that are registered after it; `app.swagger()` then gives the OpenAPI 3.1 document. */
export function installOpenApi(app: FastifyInstance): void {
  app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Assay",
        version: contracts.ASSAY_VERSION,
        description: "Distributed testing and benchmarking of AI models.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: (route) => transformRoute({ ...route, schema: { ...route.schema, ...securityOf(route.route) } }),
    transformObject: (document) => {
      const transformed = transformDocument(document);
      // Left over from the recursive schema of "any JSON", to which nothing refers any more.
      if ("components" in transformed) delete transformed.components?.schemas?.["__shared"];
      return transformed;
    },
  });
}

function securityOf({ config }: RouteOptions): { description?: string; security?: [] } {
  const permission = config?.permission;
  if (permission === undefined) return {};
  if (permission === "open") return { description: "Needs no token.", security: [] };
  return { description: `Needs a token of the role ${permissions[permission].join(", ")}.` };
}

/**
 * zod writes "any JSON value" as a recursive schema, with references that do not survive in an OpenAPI document; there an
 * empty schema says the same. An answer without a body is `null` for the generator.
 */
function fitDocument({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: core.$ZodTypes;
  jsonSchema: core.JSONSchema.BaseSchema;
}): void {
  const { def } = zodSchema._zod;
  if (def.type === "record" && isAnyJson(def.valueType)) jsonSchema.additionalProperties = {};
  if (def.type === "array" && isAnyJson(def.element)) jsonSchema.items = {};
  if (def.type === "object" && def.catchall !== undefined && isAnyJson(def.catchall))
    jsonSchema.additionalProperties = {};
  if (def.type === "object") {
    for (const [name, property] of Object.entries(jsonSchema.properties ?? {}))
      if (typeof property === "object" && isAnyJson(bare(def.shape[name]))) delete property.$ref;
  }
  if (def.type === "undefined") jsonSchema.type = "null";
}

/** Without the mark that it may be left out. */
function bare(schema: core.$ZodType | undefined): core.$ZodType | undefined {
  const def = (schema as core.$ZodTypes | undefined)?._zod.def;
  return def?.type === "optional" ? def.innerType : schema;
}

/** `z.json()` is the only lazy schema of the contracts. */
function isAnyJson(schema: core.$ZodType | undefined): boolean {
  return schema?._zod.def.type === "lazy";
}
