// `npm run build`: compiles src/ to dist/ and copies what the program reads beside its modules: SQL, Python, templates, programs of JavaScript frameworks.
import { cpSync, statSync } from "node:fs";
import { join } from "node:path";

import { ROOT, runTool } from "./check.mjs";

const { code } = await runTool(["tsc", "-p", "tsconfig.build.json"], "inherit");
if (code === 0) {
  const isWanted = (path) => statSync(path).isDirectory() || /\.(sql|py|mjs|cjs|yaml)$/.test(path);
  cpSync(join(ROOT, "src"), join(ROOT, "dist"), { recursive: true, filter: isWanted });
}
process.exitCode = code;
