import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { role } from "../contracts/index.ts";
import { newToken, redactTokens, tokenDigest } from "./token.ts";

describe("token", () => {
  test.each(role.options)("of the role %s carries the prefix and 256 random bits", (name) => {
    const token = newToken(name, randomBytes);
    expect(token).toMatch(new RegExp(`^assay_${name}_[A-Za-z0-9_-]{43}$`));
    expect(Buffer.from(token.slice(`assay_${name}_`.length), "base64url")).toHaveLength(32);
    expect(newToken(name, randomBytes)).not.toBe(token);
  });

  test("is refused when the source gives fewer bytes than asked for", () => {
    expect(() => newToken("viewer", () => new Uint8Array(16))).toThrow("32 random bytes");
  });

  test("is stored as plain SHA-256 in hex", () => {
    const token = newToken("admin", () => new Uint8Array(32).fill(7));
    expect(tokenDigest(token)).toBe(createHash("sha256").update(token).digest("hex"));
    expect(tokenDigest(`${token}x`)).not.toBe(tokenDigest(token));
  });

  test("is taken out of any text", () => {
    const secret = newToken("submitter", randomBytes);
    const other = newToken("worker", randomBytes);
    const text = redactTokens(`GET /x?token=${secret} failed for "${other}", not for assay_viewer_short`);
    expect(text).toBe('GET /x?token=assay_submitter_*** failed for "assay_worker_***", not for assay_viewer_short');
  });
});
