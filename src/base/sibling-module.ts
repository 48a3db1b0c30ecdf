/**
 * The address of a module beside the caller, for threads and child processes: `.ts` when run from source, `.js` when built.
 * Pass `import.meta.url` and the name without its suffix.
 */
export function siblingModule(callerUrl: string, name: string): URL {
  return new URL(`${name}${callerUrl.endsWith(".ts") ? ".ts" : ".js"}`, callerUrl);
}
