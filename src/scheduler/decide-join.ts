import { fault } from "../contracts/index.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import type { State } from "./state.ts";

/** Nobody learns whether a code ever was one. */
const NO_GOOD = fault("unauthenticated", "This code was never made, was used, or is over.", {
  next: "Make a new one with `assay join`.",
});

/** A code is exchanged for a token once: both happen in one decision. */
export function decideJoin(
  state: State,
  { codeSha256, token }: Extract<Command, { type: "redeem_join_code" }>,
  nowMs: number,
): Decision {
  const code = state.tokens.get(codeSha256);
  if (code?.role !== "join_code" || code.revoked || code.expiresAtMs <= nowMs) return refused(NO_GOOD);
  const { name, tab } = code;
  return done(
    { type: "token_revoked", tokenId: code.tokenId },
    { type: "token_created", ...token, role: "tab", name, tab },
  );
}
