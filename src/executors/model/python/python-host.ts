import { availableParallelism } from "node:os";
import { backendFacts } from "../backends/backend-names.ts";
import { torchBackend } from "../backends/torch.ts";
import type { TorchDescription } from "../backends/torch.ts";
import type { InferenceHost } from "../inference-host.ts";
import type { ModelRunRequest } from "../messages.ts";
import { nodeHost, openLocalModel, ownCpuMs, watchOthers } from "../node-host.ts";
import { processPeakMemory } from "../peak-memory.ts";
import type { PythonProcess } from "./python-process.ts";

/** A process of Python with PyTorch, to run models in. Rejects with `dependency_missing` where PyTorch cannot use the device. */
export async function pythonHost(python: PythonProcess, request: ModelRunRequest): Promise<InferenceHost> {
  const { backend, threads = availableParallelism() } = request;
  const { header } = await python.ask({ do: "open", device: backendFacts[backend].provider, threads });
  const torch = header as unknown as TorchDescription;
  const usage = async (): Promise<Usage> => (await python.ask({ do: "usage" })).header as unknown as Usage;
  return {
    ...nodeHost(),
    // PyTorch takes seconds to be loaded: they are what a process of its own costs.
    startedMs: process.uptime() * 1000,
    engine:
      torch.transformers === null
        ? `Python ${torch.python}`
        : `Python ${torch.python}, transformers ${torch.transformers}`,
    memory: processPeakMemory({ pid: python.pid, maxRssBytes: async () => (await usage()).max_rss_bytes }),
    openModel: (_request, signal) => openLocalModel(request, signal, "pytorch"),
    loadBackend: () => Promise.resolve(torchBackend(backend, python, torch)),
    watchOthers: () => watchOthers(async () => ownCpuMs() + (await usage()).cpu_ms),
  };
}

/** What Python's process took so far. */
interface Usage {
  readonly cpu_ms: number;
  readonly max_rss_bytes: number;
}
