import { z } from "zod";
import type { WorkerId } from "../base/index.ts";

export const role = z.enum(["worker", "submitter", "viewer", "admin"]);
export type Role = z.infer<typeof role>;

/** What a token is for: a role that people give, or what makes workers of tabs: a code for one exchange, and the token that it is exchanged for. */
export type TokenRole = Role | "join_code" | "tab";

/** Which worker a tab is, and whose runs it works for. */
export interface TabTerms {
  workerId: WorkerId;
  pool: string;
}
