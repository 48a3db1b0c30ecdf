/**
 * tab: the worker that runs in a tab of somebody's browser: the page, and its programs, as files that a coordinator serves. `page/` is
 * what runs there: the worker loop of `src/worker` with the browser's ports.
 *
 * Never: a second protocol, a second worker loop; serves nothing itself.
 * May enter: cli.
 */
export { openTabSite } from "./tab-site.ts";
export type { TabFile, TabSite } from "./tab-site.ts";
