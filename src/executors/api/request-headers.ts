import type { Result } from "../../base/index.ts";
import { err, ok } from "../../base/index.ts";
import type { ApiConfig, Failure } from "../../contracts/index.ts";
import type { ApiOrder } from "./api-run.ts";

/** Fills in what only the worker knows. Messages name variables, never their values. */
export function requestHeaders(
  config: ApiConfig,
  env: Readonly<Record<string, string | undefined>>,
): Result<Omit<ApiOrder, "config">, Failure> {
  const headers: Record<string, string> = {};
  const secretHeaders: string[] = [];
  const secrets: Record<string, string> = {};
  for (const [name, value] of Object.entries(config.headers)) {
    if (typeof value === "string") {
      headers[name] = value;
      continue;
    }
    // Files that hold secrets often end in a line end.
    const secret = env[value.from_env]?.trim() ?? "";
    if (secret === "") return missing(`the worker has no ${value.from_env} in its environment, for the header ${name}`);
    if (!/^[\u0020-\u007e]+$/.test(secret)) return missing(`${value.from_env} of the worker holds what no header may`);
    secrets[value.from_env] = secret;
    secretHeaders.push(name.toLowerCase());
    headers[name] = value.prefix + secret;
  }
  return ok({ headers, secretHeaders, secrets });
}

function missing(message: string): Result<never, Failure> {
  return err({ class: "setup", reason: "secret_missing", message });
}
