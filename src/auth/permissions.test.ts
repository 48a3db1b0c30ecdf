import { describe, expect, test } from "vitest";
import { role } from "../contracts/index.ts";
import { permissions, requirePermission } from "./permissions.ts";
import type { Permission } from "./permissions.ts";

/** Written out by hand, so that a change of the table must be made twice. */
const expected: Record<Permission, string> = {
  read: "viewer submitter admin",
  sql: "viewer submitter admin",
  submit: "submitter admin",
  cancel: "submitter admin",
  mute: "submitter admin",
  workers: "admin",
  shares: "admin",
  patterns: "admin",
  templates: "admin",
  tokens: "admin",
  state_hash: "admin",
  worker_link: "worker admin",
  blob_write: "worker submitter admin",
  blob_read: "viewer submitter admin worker",
};
const names = Object.keys(permissions) as Permission[];

describe("permissions", () => {
  test.each(names.flatMap((name) => role.options.map((who) => [name, who] as const)))("%s for %s", (name, who) => {
    const verdict = requirePermission(who, name);
    expect(verdict.ok).toBe(expected[name].split(" ").includes(who));
    if (verdict.ok) return;
    expect(verdict.error.code).toBe("forbidden");
    for (const allowed of permissions[name]) expect(verdict.error.message).toContain(allowed);
  });
});
