import { createHash } from "node:crypto";
import type { TokenRole } from "../contracts/index.ts";

const RANDOM_BYTES = 32;
const TOKEN = /assay_(worker|submitter|viewer|admin|tab)_[A-Za-z0-9_-]{43}/g;

/**
 * A new opaque token, `assay_<role>_<43 characters>`: the prefix lets secret scanners find it and people recognise it.
 * The role in it is only a label: what a token may do is what the coordinator stored for its digest.
 *
 * @param randomBytes gives that many bytes from a source fit for secrets, e.g. `randomBytes` of `node:crypto`
 */
export function newToken(role: Exclude<TokenRole, "join_code">, randomBytes: (count: number) => Uint8Array): string {
  const secret = randomBytes(RANDOM_BYTES);
  if (secret.byteLength !== RANDOM_BYTES)
    throw new Error(`A token needs ${RANDOM_BYTES} random bytes, got ${secret.byteLength}`);
  return `assay_${role}_${Buffer.from(secret).toString("base64url")}`;
}

/**
 * SHA-256 of a token in hex: all that is ever stored. Find a token by this digest in a map. No constant-time comparison is
 * needed then: timing could only tell about the digest, and nobody can choose a token by its digest. No salt or slow hash
 * either: the secret is 256 random bits.
 */
export function tokenDigest(token: string): string {
  return createHash("sha256").update(token, "utf8").digest("hex");
}

/** The text with every token in it made unusable, for logs. */
export function redactTokens(text: string): string {
  return text.replaceAll(TOKEN, "assay_$1_***");
}
