/**
 * auth: who may do what: tokens, the table of permissions, what a tab may be, and files that hold a secret.
 *
 * Never: HTTP, WebSocket, the journal; it does not know which tokens exist.
 * May enter: coordinator, worker, cli.
 */
export { newJoinCode, readJoinCode } from "./join-code.ts";
export { permissions, requirePermission } from "./permissions.ts";
export type { Permission } from "./permissions.ts";
export { readSecretFile, writeSecretFile } from "./secret-file.ts";
export { excessOf } from "./tab-terms.ts";
export type { TabOffer } from "./tab-terms.ts";
export { newToken, redactTokens, tokenDigest } from "./token.ts";
