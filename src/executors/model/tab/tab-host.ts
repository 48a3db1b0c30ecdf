import { assert } from "../../../base/index.ts";
import { createReference, generatedModel } from "../../../models/index.ts";
import type { InferenceHost } from "../inference-host.ts";
import { webHost } from "../page/web-host.ts";

/** A dedicated worker of a tab, to run models in that the tab makes itself. */
export function tabHost({ engine, startedMs }: { engine: string; startedMs: number }): InferenceHost {
  let file: Uint8Array | undefined;
  return webHost({
    startedMs,
    engine,
    memory: { source: "not_known", reset: () => Promise.resolve(), peakBytes: () => Promise.resolve(null) },
    openModel: async ({ model: name, precision }) => {
      const { model, onnx } = await generatedModel(name, precision);
      file = onnx;
      return { model, reference: createReference(model.config, onnx) };
    },
    readModel: () => {
      assert(file !== undefined, "a model is opened before it is read");
      return Promise.resolve(file);
    },
    // A page does not see the processor.
    watchCpu: () => Promise.resolve(() => Promise.resolve({ own: null, others: null })),
  });
}
