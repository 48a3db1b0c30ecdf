import { memoized } from "../../../base/index.ts";
import { createReference } from "../../../models/index.ts";
import type { InferenceHost } from "../inference-host.ts";
import type { PageAssignment, PageBridge } from "./page-messages.ts";
import { webHost } from "./web-host.ts";

/** A page that was opened for one run. */
export function pageHost(
  assignment: PageAssignment,
  bridge: Pick<PageBridge, "assayMemory" | "assayWatchCpu" | "assayCpuUse">,
): InferenceHost {
  const { model, hasReference, startedMs, engine } = assignment;
  const modelFile = memoized(() => read(model.modelFile));
  return webHost({
    startedMs,
    engine,
    memory: {
      source: assignment.memorySource,
      reset: () => Promise.resolve(),
      peakBytes: () => bridge.assayMemory(),
    },
    openModel: async () => ({
      model,
      reference: hasReference ? createReference(model.config, await modelFile()) : undefined,
    }),
    readModel: (address) => (address === model.modelFile ? modelFile() : read(address)),
    watchCpu: async () => {
      await bridge.assayWatchCpu();
      return () => bridge.assayCpuUse();
    },
  });
}

async function read(address: string): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} was answered with ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
