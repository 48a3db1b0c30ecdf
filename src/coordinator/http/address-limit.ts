import { normalizeIP } from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { assayError } from "../../contracts/index.ts";

const MINUTE_MS = 60_000;

/** Gives what counts a request of its address, and throws `rate_limited` with this message after so many in a minute. */
export function addressLimit(
  app: FastifyInstance,
  perMinute: number,
  message: string,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const count = app.createRateLimit({ max: perMinute, timeWindow: MINUTE_MS, keyGenerator: addressOf });
  return async (request, reply) => {
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    reply.header("retry-after", counted.ttlInSeconds);
    throw assayError("rate_limited", message);
  };
}

/** The address that asks; of IPv6 the part that one customer has. */
export function addressOf(request: FastifyRequest): string {
  return normalizeIP(request.ip);
}
