import { Option } from "commander";
import { backendWishes } from "../executors/index.ts";

/** What to try besides what the machine suggests, unless the command means something else by it. */
export function backendsOption(
  help = "also try these ways to run models: backends, all of a browser, of torch or of transformers-js, or all",
): Option {
  return new Option("--backends <names...>", help).choices(backendWishes);
}
