import { rolldown } from "rolldown";
import { siblingModule } from "../../../base/index.ts";
import { fileURLToPath } from "node:url";

/** Left to the page's import map: the runtime is large and comes as it is. */
const EXTERNAL = ["onnxruntime-web", "onnxruntime-web/webgpu"];

/** The program of a page as one module, with everything it needs but the runtime. */
export async function bundlePageProgram(): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(siblingModule(import.meta.url, "../page/page-program")),
    platform: "browser",
    external: (id) => EXTERNAL.includes(id) || id.startsWith("node:"),
    // Rooms are entered through their index, which names modules of Node that no page needs.
    treeshake: { moduleSideEffects: (id) => id.includes("page-program") },
    logLevel: "silent",
  });
  try {
    const { output } = await bundle.generate({ format: "esm" });
    return output[0].code;
  } finally {
    await bundle.close();
  }
}
