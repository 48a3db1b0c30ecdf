import { siblingModule } from "../../../base/index.ts";
import { bundleForBrowser } from "../browser/page-bundle.ts";

/** The program of the dedicated workers of tabs, with the runtime at this address. */
export function bundleTabRun(runtimeAddress: string): Promise<string> {
  return bundleForBrowser(siblingModule(import.meta.url, "./tab-run-program"), runtimeAddress);
}
