/**
 * client: the coordinator's REST API as typed calls, for Node and browsers.
 *
 * Never: Node, files, the worker link.
 * May enter: cli, dashboard, ci, tests, benchmarks.
 */
export { createClient } from "./client.ts";
export type { Client, ClientOptions, EventsQuery, LogsQuery } from "./client.ts";
export type { BlobSource } from "./blob-calls.ts";
export type { LogChunk } from "./log-lines.ts";
