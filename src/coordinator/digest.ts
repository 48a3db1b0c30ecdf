import { createHash } from "node:crypto";

/** The hash of a text that comes in parts. */
export type Digest = (parts: Iterable<string>) => string;

/** SHA-256 over the parts, each behind its length in characters, in hex. */
export function digest(parts: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
}
