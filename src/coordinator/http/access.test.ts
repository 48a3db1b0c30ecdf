import type { RouteOptions } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { permissions } from "../../auth/index.ts";
import type { Permission } from "../../auth/index.ts";
import { role } from "../../contracts/index.ts";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

const digest = "a".repeat(64);
const parameters: Record<string, string> = {
  run_id: "r",
  task_id: "t",
  worker_id: "w",
  token_id: "x",
  sha256: digest,
  kind: "pool",
  name: "p",
};

/** Every route and what it takes, written by hand: a new route or a changed permission must be written here too. */
const inventory: Record<string, Permission | "open"> = {
  "GET /healthz": "open",
  "GET /readyz": "open",
  "GET /openapi.json": "read",
  "GET /api/v1/runs": "read",
  "POST /api/v1/runs": "submit",
  "GET /api/v1/runs/:run_id": "read",
  "POST /api/v1/runs/:run_id/cancel": "cancel",
  "GET /api/v1/tasks": "read",
  "GET /api/v1/tasks/:run_id/:task_id": "read",
  "GET /api/v1/tasks/:run_id/:task_id/explain": "read",
  "POST /api/v1/tasks/:run_id/:task_id/cancel": "cancel",
  "GET /api/v1/tasks/:run_id/:task_id/logs": "read",
  "GET /api/v1/attempts": "read",
  "GET /api/v1/workers": "read",
  "GET /api/v1/workers/:worker_id": "read",
  "POST /api/v1/workers/:worker_id/quarantine": "workers",
  "POST /api/v1/workers/:worker_id/release": "workers",
  "POST /api/v1/workers/:worker_id/commands": "workers",
  "GET /api/v1/workers/:worker_id/commands": "read",
  "GET /api/v1/shares": "read",
  "PUT /api/v1/shares/:kind/:name": "shares",
  "GET /api/v1/patterns": "read",
  "PUT /api/v1/patterns/:id": "patterns",
  "GET /api/v1/templates": "read",
  "POST /api/v1/templates": "templates",
  "GET /api/v1/templates/:name": "read",
  "DELETE /api/v1/templates/:name": "templates",
  "GET /api/v1/results": "read",
  "GET /api/v1/artifacts": "read",
  "GET /api/v1/tests": "read",
  "POST /api/v1/tests/known": "read",
  "GET /api/v1/mutes": "read",
  "POST /api/v1/mutes": "mute",
  "DELETE /api/v1/mutes/:mute_id": "mute",
  "GET /api/v1/artifacts/:sha256/content": "blob_read",
  "POST /api/v1/blobs/missing": "blob_read",
  "POST /api/v1/blobs/read": "blob_read",
  "POST /api/v1/blobs": "blob_write",
  "PUT /api/v1/blobs/:sha256": "blob_write",
  "HEAD /api/v1/blobs/:sha256": "blob_read",
  "GET /api/v1/blobs/:sha256": "blob_read",
  "GET /api/v1/status": "read",
  "GET /api/v1/state-hash": "state_hash",
  "POST /api/v1/query": "sql",
  "GET /api/v1/tokens": "tokens",
  "POST /api/v1/tokens": "tokens",
  "DELETE /api/v1/tokens/:token_id": "tokens",
  "GET /api/v1/events": "read",
  "POST /api/v1/join-codes": "workers",
  "POST /api/v1/join": "open",
  "GET /api/v1/join": "worker_link",
  "GET /join": "open",
  "GET /join/*": "open",
};

const registered: RouteOptions[] = [];
let api: TestApi;
beforeEach(async () => {
  registered.length = 0;
  api = await startTestApi({
    limits: { unauthenticatedPerMinute: 1_000 },
    prepare: (app) => void app.addHook("onRoute", (route) => void registered.push(route)),
  });
});
afterEach(() => api.close());

/** Status and error code of a request with this token. */
async function answer(route: string, token: string | null): Promise<{ status: number; code: string | undefined }> {
  const [method = "", pattern = ""] = route.split(" ");
  const path = pattern.replaceAll(/:(\w+)/g, (_match, name: string) => parameters[name] ?? "");
  const sends = method === "POST" ? { body: "{}" } : {};
  const response = await api.call(path, {
    method,
    as: null,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(method === "POST" ? { "content-type": "application/json" } : {}),
    },
    ...sends,
  });
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) {
    await response.body?.cancel();
    return { status: response.status, code: undefined };
  }
  const body = await response.text();
  const parsed = (body === "" ? {} : JSON.parse(body)) as { error?: { code: string } };
  return { status: response.status, code: parsed.error?.code };
}

describe("access", () => {
  test("is ruled by a permission on every route that exists", () => {
    const actual = registered.map(({ method, url, config }) => [`${String(method)} ${url}`, config?.permission]);
    expect(Object.fromEntries(actual)).toEqual(inventory);
  });

  const protectedRoutes = Object.entries(inventory).filter(([, permission]) => permission !== "open");

  test.each(protectedRoutes)("to %s without a good token is refused", async (route) => {
    const isHead = route.startsWith("HEAD");
    api.fake.tokens.set("expired", "token_expired").set("revoked", "token_revoked");
    for (const [token, code] of [
      [null, "unauthenticated"],
      ["never-made", "unauthenticated"],
      ["expired", "token_expired"],
      ["revoked", "token_revoked"],
    ] as const) {
      expect(await answer(route, token)).toEqual({ status: 401, code: isHead ? undefined : code });
    }
    expect(api.fake.calls).toEqual([]);
  });

  test.each(
    protectedRoutes.flatMap(([route, permission]) => role.options.map((who) => [route, who, permission] as const)),
  )("to %s for %s follows the permission", async (route, who, permission) => {
    const allowed: readonly string[] = permissions[permission as Permission];
    const { status, code } = await answer(route, `token-of-${who}`);
    if (allowed.includes(who)) {
      expect([401, 403]).not.toContain(status);
      expect(status).toBeLessThan(500);
    } else {
      expect({ status, code }).toEqual({ status: 403, code: route.startsWith("HEAD") ? undefined : "forbidden" });
      expect(api.fake.calls).toEqual([]);
    }
  });

  test.each(["GET /healthz", "GET /readyz"])("to %s needs nothing", async (route) => {
    expect((await answer(route, null)).status).toBe(200);
  });

  test("to what does not exist needs a token too", async () => {
    expect(await answer("GET /api/v2/secrets", null)).toEqual({ status: 401, code: "unauthenticated" });
    expect(await answer("GET /api/v2/secrets", "token-of-viewer")).toEqual({ status: 404, code: "not_found" });
  });

  test("is never given by a token in the address", async () => {
    expect(await answer("GET /api/v1/status?token=token-of-admin", null)).toEqual({
      status: 401,
      code: "unauthenticated",
    });
  });

  test("counts a coordinator that does not lead as nobody's fault", async () => {
    api.fake.tokens.set("good-again-later", "not_leader");
    expect(await answer("GET /api/v1/status", "good-again-later")).toEqual({ status: 503, code: "not_leader" });
  });
});

describe("a route", () => {
  test("without a permission cannot be registered", async () => {
    const withoutPermission = startTestApi({
      prepare: (app) => void app.register(async (scope) => void scope.get("/api/v1/forgotten", async () => "secret")),
    });
    await expect(withoutPermission).rejects.toThrow("The route GET /api/v1/forgotten names no permission");
  });
});

describe("limits", () => {
  test("answer an address with 429 after too many bad tokens, and still let a good token in", async () => {
    const strict = await startTestApi({ limits: { unauthenticatedPerMinute: 3 } });
    try {
      for (let count = 0; count < 3; count += 1)
        expect((await strict.call("/api/v1/status", { as: null })).status).toBe(401);
      const { status, code, headers } = await strict.refused("/api/v1/status", { as: null });
      expect({ status, code }).toEqual({ status: 429, code: "rate_limited" });
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await strict.call("/api/v1/status")).status).toBe(200);
    } finally {
      await strict.close();
    }
  });

  test("count the requests of each token for itself", async () => {
    const strict = await startTestApi({ limits: { requestsPerSecond: 2 } });
    try {
      const statuses = await Promise.all(
        Array.from({ length: 20 }, async () => (await strict.call("/api/v1/status")).status),
      );
      expect(new Set(statuses)).toEqual(new Set([200, 429]));
      expect((await strict.call("/api/v1/status", { as: "viewer" })).status).toBe(200);
    } finally {
      await strict.close();
    }
  });
});
