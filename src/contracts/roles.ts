import { z } from "zod";
import type { WorkerId } from "../base/index.ts";

export const role = z.enum(["worker", "submitter", "viewer", "admin"]);
export type Role = z.infer<typeof role>;

/** A role that people give, or what makes workers of tabs: a code for one exchange, and the token that it is exchanged for. */
export const tokenRole = z.enum([...role.options, "join_code", "tab"]);
export type TokenRole = z.infer<typeof tokenRole>;

/** Which worker a tab is, and whose runs it works for. */
export interface TabTerms {
  workerId: WorkerId;
  pool: string;
}

/** What is known of a token, never the token itself. */
export type TokenFacts = { tokenId: string; sha256: string; name: string } & (
  | { role: Role; expiresAtMs: number | null }
  | { role: Exclude<TokenRole, Role>; expiresAtMs: number; tab: TabTerms }
);
