import type { FastifyInstance } from "fastify";
import { assert } from "../../src/base/index.ts";
import type { Rng } from "../../src/base/index.ts";
import { shareKinds } from "../../src/contracts/index.ts";
import type { State } from "../../src/scheduler/index.ts";
import { BLOB_SHA256, BODIES } from "./bodies.ts";
import { pick } from "./mutations.ts";

/** One of the API's operations, as its OpenAPI document describes it. */
export interface Operation {
  id: string;
  method: string;
  /** With parameters in braces. */
  path: string;
}

/** Every operation that the API has. A new one is refused until the fuzzer knows a body and parameters for it. */
export function operationsOf(app: FastifyInstance): Operation[] {
  const operations = Object.entries(app.swagger().paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, { operationId: string }>).map(([method, { operationId: id }]) => ({
      id,
      method: method.toUpperCase(),
      path,
    })),
  );
  for (const { id, method, path } of operations) {
    assert(!["POST", "PUT"].includes(method) || id in BODIES, `the fuzzer has a body for ${id}`);
    for (const [, name = ""] of path.matchAll(PARAMETER)) assert(name in PARAMETERS, `the fuzzer has a ${name}`);
  }
  for (const id of Object.keys(BODIES))
    assert(
      operations.some((one) => one.id === id),
      `the API has ${id}`,
    );
  return operations;
}

/** An address of the operation, about something that is there or seldom is. */
export function addressOf(rng: Rng, { path, method }: Operation, known: Known): string {
  const runs = [...known.state.runs.values()];
  const run = runs.length > 0 ? pick(rng, runs) : undefined;
  const about = { ...known, runId: run?.runId, taskIds: [...(run?.tasks.keys() ?? [])] };
  const filled = path.replaceAll(PARAMETER, (_, name: string) => {
    const value = rng.next() < 0.8 ? PARAMETERS[name]?.(rng, about) : undefined;
    return encodeURIComponent(value ?? pick(rng, STRANGE_NAMES));
  });
  return method === "GET" && rng.next() < 0.5 ? filled + pick(rng, QUERIES) : filled;
}

/** What there is to ask for. */
export interface Known {
  state: State;
  /** Of the token that the fuzzer needs itself. */
  ownTokenId: string;
}
type About = Known & { runId: string | undefined; taskIds: string[] };

const PARAMETER = /\{(\w+)\}/g;
const PARAMETERS: Readonly<Record<string, (rng: Rng, about: About) => string | undefined>> = {
  run_id: (_rng, { runId }) => runId,
  task_id: (rng, { taskIds }) => anyOf(rng, taskIds),
  worker_id: (rng, { state }) => anyOf(rng, [...state.workers.keys()]),
  token_id: (rng, { state, ownTokenId }) => {
    const others = [...state.tokens.values()].filter(({ tokenId }) => tokenId !== ownTokenId);
    return anyOf(rng, others)?.tokenId;
  },
  sha256: () => BLOB_SHA256,
  kind: (rng) => pick(rng, shareKinds),
  /** Of a pool or user, or a template. */
  name: (rng, { state }) => pick(rng, [...state.templates.keys(), "p0", "p1", "p2"]),
  mute_id: (rng, { state }) => anyOf(rng, [...state.mutes.keys()]),
  /** Of a pattern. */
  id: (rng, { state }) => anyOf(rng, [...state.patterns.keys()]),
};

function anyOf<Item>(rng: Rng, items: readonly Item[]): Item | undefined {
  return items.length > 0 ? pick(rng, items) : undefined;
}

const STRANGE_NAMES = ["none", "__proto__", "constructor", "..", "%00", "x".repeat(700), "ü", "a/b"];
const QUERIES = [
  "?limit=1",
  "?limit=0",
  "?limit=1e999",
  "?limit=NaN",
  "?cursor=%FF%FE",
  "?cursor=eyJhIjoxfQ",
  "?run_id=__proto__",
  "?run_id=a&run_id=b",
  "?__proto__[a]=1",
  "?status=running&state=running",
  "?name=%00",
  "?x=%E0%A4%A",
  "?follow=1",
  "?attempt=1e9",
  "?after=-1",
  "?type=nothing",
];
