import { AssayError, errorMessage } from "../../base/index.ts";
import { createClient } from "../../client/index.ts";
import { assayError, SUBPROTOCOLS } from "../../contracts/index.ts";
import { dialFromPage } from "../../transport/index.ts";

/** A phone that changes networks may never be told that its connection is gone. */
const LIMIT_MS = 10_000;

export interface Dialling {
  /** Base address of the coordinator. */
  url: string;
  token: string;
  /** Ends the attempt. */
  signal: AbortSignal;
  limitMs?: number;
}

/**
 * Opens the worker link of a tab. Asks first whether the token is good: a page is not told why its handshake was refused. Rejects with an
 * AssayError: the coordinator's own refusal, or `coordinator_unreachable`.
 */
export async function dialCoordinator({
  url,
  token,
  signal: stop,
  limitMs = LIMIT_MS,
}: Dialling): ReturnType<typeof dialFromPage> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(limitMs)]);
  try {
    await createClient({ baseUrl: url, token }).tab(signal);
  } catch (error) {
    if (error instanceof AssayError) throw error;
    throw assayError("coordinator_unreachable", `No answer came from ${url}: ${errorMessage(error)}.`, {
      cause: error,
    });
  }
  return dialFromPage({ url, token, subprotocols: SUBPROTOCOLS, signal });
}
