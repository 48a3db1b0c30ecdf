import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const RUNTIME = "onnxruntime-web/webgpu";
const RUNTIME_FILE = "ort.webgpu.min.mjs";

/** A program for browsers as one module, with everything it needs but the runtime, which is large and comes as it is from `runtimeAddress`. */
export async function bundleForBrowser(program: URL, runtimeAddress: string): Promise<string> {
  // Loaded only here: few programs bundle.
  const { rolldown } = await import("rolldown");
  const input = fileURLToPath(program);
  const bundle = await rolldown({
    input,
    platform: "browser",
    external: (id) => id === "onnxruntime-web" || id.startsWith("node:"),
    plugins: [
      {
        name: "runtime-address",
        resolveId: (id) => (id === RUNTIME ? { id: `${runtimeAddress}/${RUNTIME_FILE}`, external: "absolute" } : null),
      },
    ],
    // Rooms are entered through their index, which names modules of Node that no page needs.
    treeshake: { moduleSideEffects: (id) => basename(id) === basename(input) },
    logLevel: "silent",
  });
  try {
    const { output } = await bundle.generate({ format: "esm" });
    return output[0].code;
  } finally {
    await bundle.close();
  }
}
