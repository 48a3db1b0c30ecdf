/**
 * workspace: snapshots of working trees by content, and folders that are made from them.
 *
 * Never: talks to a coordinator; who ships or fetches the content passes that in.
 * May enter: executors, cli.
 */
export {};
