import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { Clock } from "../../base/index.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Control, LiveLog, ReadModel } from "../control.ts";
import type { HttpLimits } from "./http-limits.ts";
import type { JoinSite } from "./join-site.ts";
import type { OpenStreams } from "./open-streams.ts";

/** The server as routes see it: schemas are zod schemas, and handlers get their types. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes are made of. */
export interface RouteContext {
  control: Control;
  readModel: ReadModel;
  liveLog: LiveLog;
  blobs: BlobStore;
  clock: Clock;
  limits: HttpLimits;
  joinSite?: JoinSite | undefined;
  streams: OpenStreams;
}
