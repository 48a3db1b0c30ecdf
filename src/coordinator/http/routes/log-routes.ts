import { Readable } from "node:stream";
import { z } from "zod";
import type { AttemptView } from "../../../contracts/index.ts";
import { attemptOf, followLog, logSoFar } from "../log-stream.ts";
import type { LogSource, LogWanted } from "../log-stream.ts";
import type { Api, RouteContext } from "../route-context.ts";
import { errors, taskParams } from "../route-schemas.ts";
import { streamHeaders } from "../stream-headers.ts";

const logsQuery = z.strictObject({
  attempt: z.coerce.number().int().min(1).max(1_000_000).optional().describe("The newest one when absent"),
  follow: z.enum(["0", "1"]).default("0").describe("1: go on until the attempt ends, as lines of JSON"),
});

export function logRoutes(api: Api, context: RouteContext): void {
  const { readModel, streams, limits } = context;
  const source: LogSource = { ...context, heartbeatMs: limits.heartbeatMs };
  api.get(
    "/api/v1/tasks/:run_id/:task_id/logs",
    {
      config: { permission: "read" },
      schema: {
        operationId: "getLogs",
        tags: ["tasks"],
        params: taskParams,
        querystring: logsQuery,
        response: { 200: logContent, ...errors },
      },
    },
    async (request, reply) => {
      const { run_id: runId, task_id: taskId } = request.params;
      const wanted: LogWanted = { runId, taskId, attempt: request.query.attempt };
      if (request.query.follow === "0") {
        const attempt = await attemptOf(readModel, wanted);
        return reply.type("text/plain; charset=utf-8").send(Readable.from(plainText(source, attempt)));
      }
      const signal = streams.enter(reply.raw);
      const lines = jsonLines(followLog(source, wanted, signal));
      return reply.headers(streamHeaders("application/x-ndjson; charset=utf-8")).send(Readable.from(lines));
    },
  );
}

const logContent = {
  description:
    "The output of an attempt: text, or with follow=1 one `{stream, text}` per line; empty lines mean nothing",
  content: {
    "text/plain": { schema: z.custom<Readable>() },
    "application/x-ndjson": { schema: z.custom<Readable>() },
  },
};

async function* plainText(source: LogSource, attempt: AttemptView): AsyncGenerator<string, void, undefined> {
  for await (const { text } of logSoFar(source, attempt)) yield text;
}

async function* jsonLines(chunks: AsyncIterable<object | null>): AsyncGenerator<string, void, undefined> {
  for await (const chunk of chunks) yield chunk === null ? "\n" : `${JSON.stringify(chunk)}\n`;
}
