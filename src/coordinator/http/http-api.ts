import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerOptions } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import rateLimit from "@fastify/rate-limit";
import { fastify, LogController } from "fastify";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import { serializerCompiler } from "fastify-type-provider-zod";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { core } from "zod";
import { wellFormedJson } from "../../base/index.ts";
import type { Clock } from "../../base/index.ts";
import { assayError, submitRunRequest } from "../../contracts/index.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Control, LiveLog, ReadModel } from "../control.ts";
import { addressOf } from "./address-limit.ts";
import { replyToBrokenClient, replyWithError } from "./error-reply.ts";
import { checkedSubmission } from "./checked-submission.ts";
import { installGuard } from "./guard.ts";
import { defaultHttpLimits } from "./http-limits.ts";
import type { HttpLimits } from "./http-limits.ts";
import type { JoinSite } from "./join-site.ts";
import { OpenStreams } from "./open-streams.ts";
import { installOpenApi } from "./openapi.ts";
import { requestError } from "./request-problems.ts";
import type { RouteContext } from "./route-context.ts";
import { adminRoutes } from "./routes/admin-routes.ts";
import { artifactRoutes } from "./routes/artifact-routes.ts";
import { blobRoutes } from "./routes/blob-routes.ts";
import { eventRoutes } from "./routes/event-routes.ts";
import { joinRoutes } from "./routes/join-routes.ts";
import { logRoutes } from "./routes/log-routes.ts";
import { muteRoutes } from "./routes/mute-routes.ts";
import { patternRoutes } from "./routes/pattern-routes.ts";
import { runRoutes } from "./routes/run-routes.ts";
import { shareRoutes } from "./routes/share-routes.ts";
import { systemRoutes } from "./routes/system-routes.ts";
import { taskRoutes } from "./routes/task-routes.ts";
import { templateRoutes } from "./routes/template-routes.ts";
import { testRoutes } from "./routes/test-routes.ts";
import { workerRoutes } from "./routes/worker-routes.ts";

/** Task ids have up to 200 characters, each up to 3 in an address. */
const MAX_PARAMETER_LENGTH = 600;
/** Longer than load balancers keep a connection, so that none sends a request into one that is being closed. */
const KEEP_ALIVE_MS = 72_000;

export interface HttpApiOptions {
  control: Control;
  readModel: ReadModel;
  liveLog: LiveLog;
  blobs: BlobStore;
  logger: FastifyBaseLogger;
  clock: Clock;
  /** PEM texts. TLS 1.3 only. */
  tls?: { cert: string; key: string } | undefined;
  limits?: Partial<HttpLimits>;
  joinSite?: JoinSite | undefined;
}

/**
 * The REST API as a Fastify server that does not listen yet: the owner calls `listen`, answers upgrades on `app.server`, and
 * calls `close`, which ends the streams and lets requests under way finish. Routes added by the owner must name a
 * permission in their `config`, or `open`.
 *
 * @throws AssayError `tls_files`
 */
export function createHttpApi(options: HttpApiOptions): FastifyInstance {
  const limits = { ...defaultHttpLimits, ...options.limits };
  const streams = new OpenStreams(limits.maxStreams);
  const app = createServerShell(options, limits);
  installRateLimit(app, limits);
  installGuard(app, { control: options.control, limits, streams });
  installOpenApi(app);
  installShutdown(app, streams);
  app.setValidatorCompiler<core.$ZodType>(({ schema }) => validator(schema));
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(replyWithError);
  app.setNotFoundHandler((request) => {
    throw assayError("not_found", `There is no ${request.method} ${pathOf(request.url)} in this API`, {
      next: "See /openapi.json for the routes.",
    });
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method, routeOptions, actor } = request;
    request.log.debug(
      { method, route: routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime, by: actor?.name },
      "request",
    );
  });
  app.removeContentTypeParser("text/plain");
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    void parseJson(request, wellFormedJson(String(body)), done);
  });
  app.register(async (scope) => registerRoutes(scope, { ...options, limits, streams }));
  return app;
}

function createServerShell(options: HttpApiOptions, limits: HttpLimits): FastifyInstance {
  return fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    serverFactory: (handler) => createListener(handler, options.tls, limits),
    clientErrorHandler: replyToBrokenClient,
    frameworkErrors: replyWithError,
    bodyLimit: limits.bodyBytes,
    exposeHeadRoutes: false,
    // The guard answers requests during shutdown, in the words of the catalogue.
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
  });
}

function createListener(handler: RequestListener, tls: HttpApiOptions["tls"], limits: HttpLimits): Server {
  const timeouts: ServerOptions = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.headersTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  if (tls === undefined) return createServer(timeouts, handler);
  try {
    return createTlsServer({ ...timeouts, ...tls, minVersion: "TLSv1.3" }, handler);
  } catch (error) {
    throw assayError(
      "tls_files",
      `The TLS certificate and key do not work: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

function installRateLimit(app: FastifyInstance, limits: HttpLimits): void {
  const unwanted = { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false };
  app.register(rateLimit, {
    max: limits.requestsPerSecond,
    timeWindow: 1_000,
    // Runs after the guard, so the token is known.
    keyGenerator: (request) => request.actor?.tokenId ?? addressOf(request),
    errorResponseBuilder: () =>
      assayError("rate_limited", `More than ${limits.requestsPerSecond} requests came in one second`),
    addHeaders: { ...unwanted, "retry-after": true },
    addHeadersOnExceeding: unwanted,
  });
}

/** Streams would keep `close` waiting for ever, and connections that become idle only later for their keep-alive time. */
function installShutdown(app: FastifyInstance, streams: OpenStreams): void {
  const silent = silentConnections(app.server);
  app.addHook("preClose", async () => {
    streams.closeAll();
    for (const socket of silent) socket.destroy();
  });
  app.addHook("onSend", async (_request, reply) => {
    if (streams.closed) reply.header("connection", "close");
  });
  app.addHook("onResponse", async () => {
    if (streams.closed) setImmediate(() => app.server.closeIdleConnections());
  });
}

/** Connections on which nobody asked for anything yet. Node counts them as busy until the time for their headers is over. */
function silentConnections(server: Server): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  server.on(server instanceof TlsServer ? "secureConnection" : "connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  for (const asked of ["request", "upgrade"]) {
    server.on(asked, ({ socket }: IncomingMessage) => silent.delete(socket));
  }
  return silent;
}

function validator(schema: core.$ZodType): (input: unknown) => { value: unknown } | { error: Error } {
  const check = schema === submitRunRequest ? checkedSubmission : undefined;
  return (input) => {
    const checked = check?.(input);
    if (checked !== undefined) return { value: checked };
    // Fastify gives null for a body that is absent: the defaults then apply.
    const result = core.safeParse(schema, input ?? {});
    return result.success ? { value: result.data } : { error: requestError(result.error.issues) };
  };
}

function registerRoutes(scope: FastifyInstance, context: RouteContext): void {
  const api = scope.withTypeProvider<ZodTypeProvider>();
  for (const routes of [
    systemRoutes,
    runRoutes,
    taskRoutes,
    logRoutes,
    workerRoutes,
    shareRoutes,
    patternRoutes,
    templateRoutes,
    artifactRoutes,
    testRoutes,
    muteRoutes,
    blobRoutes,
    adminRoutes,
    joinRoutes,
    eventRoutes,
  ]) {
    routes(api, context);
  }
}

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
}
