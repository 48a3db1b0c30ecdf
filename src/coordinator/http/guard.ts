import type { FastifyInstance, FastifyRequest } from "fastify";
import { requirePermission } from "../../auth/index.ts";
import type { Permission } from "../../auth/index.ts";
import { assert } from "../../base/index.ts";
import { assayError, faultError } from "../../contracts/index.ts";
import type { Actor, Control } from "../control.ts";
import { addressLimit } from "./address-limit.ts";
import { faultStatus } from "./fault-status.ts";
import type { HttpLimits } from "./http-limits.ts";
import type { OpenStreams } from "./open-streams.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What a token must be allowed to do; `open` needs none. Every route names one. */
    permission?: Permission | "open";
  }
  interface FastifyRequest {
    /** Set by the guard on every route that is not open. */
    actor: Actor | null;
  }
}

interface GuardOptions {
  control: Control;
  limits: HttpLimits;
  streams: OpenStreams;
}

/**
 * The one place that decides who may ask: every route names a permission or cannot be registered, and no handler runs before the
 * token was found good for it. Addresses that do not exist need a valid token too.
 */
export function installGuard(app: FastifyInstance, { control, limits, streams }: GuardOptions): void {
  let countFailure: ReturnType<typeof addressLimit> | undefined;
  app.after(() => {
    const message = "Too many requests without a valid token came from this address";
    countFailure = addressLimit(app, limits.unauthenticatedPerMinute, message);
  });
  app.decorateRequest("actor", null);
  app.addHook("onRoute", ({ method, url, config }) => {
    if (config?.permission === undefined) throw new Error(`The route ${String(method)} ${url} names no permission`);
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.headers({
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
    });
    if (streams.closed) throw assayError("shutting_down", "The coordinator is stopping");
    const { permission } = request.routeOptions.config;
    if (permission === "open") return;
    const identity = control.authenticate(bearerToken(request));
    if (!identity.ok) {
      // A coordinator that does not lead knows no tokens: nobody's fault.
      if (faultStatus(identity.error.code) === 401) await countFailure?.(request, reply);
      throw faultError(identity.error);
    }
    request.actor = identity.value;
    if (permission === undefined) return;
    const verdict = requirePermission(identity.value.role, permission);
    if (!verdict.ok) throw faultError(verdict.error);
  });
}

/** The token of a request, empty when it has none. Only a header counts: addresses end up in logs and histories. */
export function bearerToken(request: FastifyRequest): string {
  return /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
}

/** Who asks, on a route that is not open. */
export function actorOf(request: { actor: Actor | null }): Actor {
  assert(request.actor !== null, "the guard lets nobody unknown in");
  return request.actor;
}
