import { isoTime } from "../base/index.ts";
import { fault } from "../contracts/index.ts";
import type { JournalEventOf, TokenView } from "../contracts/index.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import type { State } from "./state.ts";

/** With it go those of tabs, and of their codes, whose time is over: they are many, and nobody asks what became of them. */
export function addToken(state: State, event: JournalEventOf<"token_created">, atMs: number): void {
  for (const token of state.tokens.values()) {
    const isOfTab = token.role === "tab" || token.role === "join_code";
    if (isOfTab && token.expiresAtMs <= atMs) state.tokens.delete(token.sha256);
  }
  state.tokens.set(event.sha256, { ...event, revoked: false });
}

export function decideRevoke(state: State, { tokenId }: Extract<Command, { type: "revoke_token" }>): Decision {
  const known = [...state.tokens.values()].some((token) => token.tokenId === tokenId && !token.revoked);
  return known
    ? done({ type: "token_revoked", tokenId })
    : refused(fault("not_found", `No token has the id ${tokenId}.`));
}

/** Whoever has a token is told that it was revoked; of a code nobody learns what it was. */
export function revokeToken(state: State, tokenId: string): void {
  for (const token of state.tokens.values()) {
    if (token.tokenId !== tokenId) continue;
    if (token.role === "join_code") state.tokens.delete(token.sha256);
    else token.revoked = true;
  }
}

/** The tokens that count, oldest first. */
export function tokensOf({ tokens }: State, nowMs: number): TokenView[] {
  return [...tokens.values()]
    .filter(({ revoked, expiresAtMs }) => !revoked && (expiresAtMs === null || expiresAtMs > nowMs))
    .map((token) => ({
      token_id: token.tokenId,
      name: token.name,
      role: token.role,
      worker_id: "tab" in token ? token.tab.workerId : null,
      expires_at: token.expiresAtMs === null ? null : isoTime(token.expiresAtMs),
    }));
}
