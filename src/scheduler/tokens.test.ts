import { expect, test } from "vitest";
import { asWorkerId } from "../base/index.ts";
import { bench, copyBySnapshot, textOf } from "./scheduler-acceptance.ts";
import type { Bench } from "./scheduler-acceptance.ts";
import { evolve } from "./evolve.ts";
import { emptyState } from "./state.ts";
import { tokensOf } from "./tokens.ts";

const CODE_MS = 600;
const TAB_MS = 7_000;

function makeToken(it: Bench, tokenId: string, expiresAtMs: number | null = null): void {
  it.do({ type: "create_token", tokenId, sha256: `hash of ${tokenId}`, name: tokenId, role: "worker", expiresAtMs });
}

function makeCode(it: Bench, tokenId: string): void {
  const tab = { workerId: asWorkerId(`tab-of-${tokenId}`), pool: "tabs" };
  const secret = { tokenId, sha256: `hash of ${tokenId}`, expiresAtMs: it.nowMs + CODE_MS };
  it.do({ type: "create_token", role: "join_code", name: tokenId, ...secret, tab });
}

function redeem(it: Bench, code: string, tokenId: string): string {
  const token = { tokenId, sha256: `hash of ${tokenId}`, expiresAtMs: it.nowMs + TAB_MS };
  return it.do({ type: "redeem_join_code", codeSha256: `hash of ${code}`, token }).type;
}

const held = (it: Bench): string[] => [...it.state.tokens.values()].map(({ tokenId }) => tokenId);
const counting = (it: Bench): string[] => tokensOf(it.state, it.nowMs).map(({ token_id: id }) => id);

function expectReplayed(it: Bench): void {
  const replayed = emptyState();
  for (const { event, atMs } of it.journal) evolve(replayed, event, atMs);
  expect(textOf(replayed)).toBe(textOf(it.state));
  expect(textOf(copyBySnapshot(it.state))).toBe(textOf(it.state));
}

test("a code that is spent, or revoked, leaves the state, and is worth nothing more", () => {
  const it = bench();
  makeCode(it, "spent");
  makeCode(it, "revoked");
  expect(redeem(it, "spent", "tab")).toBe("done");
  it.do({ type: "revoke_token", tokenId: "revoked" });
  expect(held(it)).toEqual(["tab"]);
  expect(redeem(it, "spent", "other")).toBe("refused");
  expect(redeem(it, "revoked", "other")).toBe("refused");
  expect(tokensOf(it.state, it.nowMs)).toMatchObject([{ role: "tab", name: "spent", worker_id: "tab-of-spent" }]);
  expectReplayed(it);
});

test("tokens of tabs, and codes, that are over leave the state with the next token that is made; others stay", () => {
  const it = bench();
  makeToken(it, "short", it.nowMs + 1);
  makeCode(it, "code");
  redeem(it, "code", "tab");
  makeCode(it, "unused");
  it.pass(CODE_MS);
  expect(held(it)).toEqual(["short", "tab", "unused"]);
  expect(counting(it)).toEqual(["tab"]);
  expect(redeem(it, "unused", "late")).toBe("refused");
  makeToken(it, "second");
  expect(held(it)).toEqual(["short", "tab", "second"]);
  it.pass(TAB_MS);
  makeToken(it, "third");
  expect(held(it)).toEqual(["short", "second", "third"]);
  expect(counting(it)).toEqual(["second", "third"]);
  expectReplayed(it);
});

test("a token that is revoked is known as that, that of a tab until its time is over", () => {
  const it = bench();
  makeToken(it, "worker");
  makeCode(it, "code");
  redeem(it, "code", "tab");
  for (const tokenId of ["worker", "tab"]) it.do({ type: "revoke_token", tokenId });
  expect([...it.state.tokens.values()].map(({ revoked }) => revoked)).toEqual([true, true]);
  expect(counting(it)).toEqual([]);
  it.pass(TAB_MS);
  makeToken(it, "next");
  expect(held(it)).toEqual(["worker", "next"]);
  expectReplayed(it);
});
