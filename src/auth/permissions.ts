import { err, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import { fault } from "../contracts/index.ts";
import type { Fault, TokenRole } from "../contracts/index.ts";

/** Every permission and the roles that have it. What is not here is denied. */
export const permissions = {
  /** Lists, single things, logs, events, status. */
  read: ["viewer", "submitter", "admin"],
  /** Read-only SQL over the results. */
  sql: ["viewer", "submitter", "admin"],
  submit: ["submitter", "admin"],
  cancel: ["submitter", "admin"],
  /** Mute tests, and unmute them. */
  mute: ["submitter", "admin"],
  /** Command workers, quarantine and release them. */
  workers: ["admin"],
  /** Change what part of the workers pools and users are due. */
  shares: ["admin"],
  /** Decide what is done about what fails. */
  patterns: ["admin"],
  /** Add and remove templates: others run what they make. */
  templates: ["admin"],
  /** Make, list and revoke tokens. */
  tokens: ["admin"],
  /** Compares the state with its replay: costs the leader time. */
  state_hash: ["admin"],
  /** Open a worker session. */
  worker_link: ["worker", "tab", "admin"],
  /** Workers keep what attempts leave, submitters the workspaces of their runs. */
  blob_write: ["worker", "submitter", "admin"],
  blob_read: ["viewer", "submitter", "admin", "worker"],
} as const satisfies Record<string, readonly TokenRole[]>;

export type Permission = keyof typeof permissions;

/** Whether a role has a permission; the fault (`forbidden`) names the roles that have it. */
export function requirePermission(role: TokenRole, permission: Permission): Result<void, Fault> {
  const allowed: readonly TokenRole[] = permissions[permission];
  if (allowed.includes(role)) return ok(undefined);
  return err(
    fault(
      "forbidden",
      `The role ${role} lacks the permission ${permission}; it takes a token of the role ${allowed.join(" or ")}`,
    ),
  );
}
