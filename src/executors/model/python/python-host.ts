import { availableParallelism, tmpdir } from "node:os";
import { isGenerated } from "../../../models/index.ts";
import { backendFacts } from "../backends/backend-names.ts";
import { torchBackend } from "../backends/torch.ts";
import type { TorchDescription } from "../backends/torch.ts";
import type { InferenceHost } from "../inference-host.ts";
import type { ModelRunRequest } from "../messages.ts";
import { nodeHost, openLocalModel, ownCpuMs, watchCpu } from "../node-host.ts";
import { processPeakMemory } from "../peak-memory.ts";
import type { PythonProcess } from "./python-process.ts";

/**
 * A process of Python with PyTorch, to run models in. `startedMs`: how long this process took to start. Rejects with `dependency_missing`
 * where PyTorch cannot use the device.
 */
export async function pythonHost(
  python: PythonProcess,
  request: ModelRunRequest,
  { startedMs }: { startedMs: number },
): Promise<InferenceHost> {
  const { backend, threads = availableParallelism() } = request;
  const device = backendFacts[backend].provider;
  const { header } = await python.ask({ do: "open", device, threads, temporary_folder: tmpdir() });
  const torch = header as unknown as TorchDescription;
  const usage = async (): Promise<Usage> => (await python.ask({ do: "usage" })).header as unknown as Usage;
  return {
    ...nodeHost({ startedMs: startedMs + torch.started_ms }),
    engine: [
      `Python ${torch.python}`,
      ...(torch.transformers === null ? [] : [`transformers ${torch.transformers}`]),
    ].join(", "),
    memory: processPeakMemory({ pid: python.pid, maxRssBytes: async () => (await usage()).max_rss_bytes }),
    openModel: async (_request, signal) => {
      const opened = await openLocalModel(request, signal, "pytorch");
      // Now, since it is no part of loading a model that the library takes seconds to be loaded.
      if (!isGenerated(opened.model)) await python.ask({ do: "import_transformers" });
      return opened;
    },
    loadBackend: () => Promise.resolve(torchBackend(backend, python, torch)),
    watchCpu: () => watchCpu(async () => ownCpuMs() + (await usage()).cpu_ms),
  };
}

/** What Python's process took so far. */
interface Usage {
  readonly cpu_ms: number;
  /** `null`: not known, as on Windows. */
  readonly max_rss_bytes: number | null;
}
