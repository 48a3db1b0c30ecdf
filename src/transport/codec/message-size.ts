import type { Message } from "../connection.ts";

const encoder = new TextEncoder();

/** Bytes of a message on the wire. */
export function messageBytes(message: Message): number {
  return typeof message === "string" ? encoder.encode(message).length : message.length;
}

/** True when a message has more bytes than `limit`; encodes text only when its length leaves a doubt. */
export function isLargerThan(message: Message, limit: number): boolean {
  if (typeof message !== "string") return message.length > limit;
  if (message.length > limit) return true;
  return message.length * 3 > limit && messageBytes(message) > limit;
}
