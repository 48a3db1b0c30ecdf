import type { OutgoingHttpHeaders } from "node:http";
import type { AnswerHead, Call } from "./exchange.ts";
import { ProblemError } from "./problem.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** What follows from an answer that points elsewhere; undefined for every other answer. `secrets` go to no other origin. */
export function redirected(call: Call, head: AnswerHead, secrets: ReadonlySet<string>): Call | undefined {
  const { location } = head.headers;
  if (!REDIRECTS.has(head.status) || location === undefined) return undefined;
  const url = URL.parse(location, call.url.href);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ProblemError("redirect", `status ${head.status} points to what is no HTTP address`);
  }
  const toGet = head.status === 303 ? call.method !== "HEAD" : head.status < 303 && call.method === "POST";
  const dropped = new Set([
    ...(url.origin === call.url.origin ? [] : ["authorization", "cookie", "host", "proxy-authorization", ...secrets]),
    ...(toGet ? ["content-type", "content-length"] : []),
  ]);
  return {
    url,
    method: toGet ? "GET" : call.method,
    headers: without(call.headers, dropped),
    body: toGet ? undefined : call.body,
  };
}

function without(headers: OutgoingHttpHeaders, dropped: ReadonlySet<string>): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name.toLowerCase())));
}
