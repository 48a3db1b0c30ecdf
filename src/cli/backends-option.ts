import { Option } from "commander";
import { backendWishes } from "../executors/index.ts";

/** What to try besides what the machine suggests. */
export function backendsOption(): Option {
  const help = "also try these ways to run models: backends, all of a browser, or all";
  return new Option("--backends <names...>", help).choices(backendWishes);
}
