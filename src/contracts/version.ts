/**
 * The version of the worker link and of journaled events. A test hashes the wire schemas: when they change, raise the number
 * and add a line.
 *
 * 1  first version
 * 2  revoke; progress payloads; GPUs and peers of an assignment; pools; conditions of dependencies, groups, locks
 * 3  command and answer; note in hello and capabilities; limits of commands; isolation; partial results; recovery steps
 * 4  search for batch sizes; close reason journal_put_back
 * 5  settings of api, hardware and suite tasks; tests in results; price per hour in capabilities
 */
export const PROTOCOL_VERSION = 5;

export const ASSAY_VERSION = "0.1.0";

/** WebSocket subprotocols, the preferred one first. */
export const SUBPROTOCOLS = ["assay.v1+msgpack", "assay.v1+json"] as const;
export type Subprotocol = (typeof SUBPROTOCOLS)[number];
