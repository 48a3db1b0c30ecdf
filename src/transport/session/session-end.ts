import { closeReasons } from "../../contracts/index.ts";
import type { CloseReason } from "../../contracts/index.ts";
import { MAX_CLOSE_TEXT_BYTES } from "../limits.ts";

/** How a session ended; `connection_lost` when nobody said why. */
export interface SessionEnd {
  reason: CloseReason | "connection_lost";
  /** For people. */
  message: string;
}

const reasonByCode = new Map<number, CloseReason>([
  ...(Object.keys(closeReasons) as CloseReason[]).map((reason) => [closeReasons[reason].code, reason] as const),
  // What WebSocket libraries send by themselves: no code given, protocol error, wrong kind of data, not UTF-8.
  [1005, "normal"],
  [1002, "bad_frame"],
  [1003, "bad_frame"],
  [1007, "bad_frame"],
]);

/** What a WebSocket close code and its text mean. */
export function sessionEnd(code: number, text: string): SessionEnd {
  const reason = reasonByCode.get(code);
  if (reason !== undefined) return { reason, message: text === "" ? `The other side closed: ${reason}.` : text };
  const message = code === 1006 ? "The connection was lost." : `The connection ended with code ${code}: ${text}`;
  return { reason: "connection_lost", message };
}

const room = new Uint8Array(MAX_CLOSE_TEXT_BYTES);
const encoder = new TextEncoder();

/** As much of a text as a WebSocket close frame holds, cut between characters. */
export function closeText(message: string): string {
  return message.slice(0, encoder.encodeInto(message, room).read);
}
