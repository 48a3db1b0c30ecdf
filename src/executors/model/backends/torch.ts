import { readFile } from "node:fs/promises";
import { assert } from "../../../base/index.ts";
import { isGenerated, storedWeights } from "../../../models/index.ts";
import type { Feeds, InputSpec, ModelFolder } from "../../../models/index.ts";
import type { PythonProcess } from "../python/python-process.ts";
import type { Backend, BoundRun, Session } from "./backend.ts";
import type { BackendName } from "./backend-names.ts";
import type { Placement } from "./placement.ts";

/** What Python tells of itself and of PyTorch once that has its device. */
export interface TorchDescription {
  /** From the start of the process until PyTorch was loaded. */
  readonly started_ms: number;
  readonly python: string;
  readonly torch: string;
  readonly transformers: string | null;
  readonly device: string | null;
  readonly threads: number;
}

/** PyTorch, in a process of Python. */
export function torchBackend(name: BackendName, python: PythonProcess, torch: TorchDescription): Backend {
  return {
    name,
    version: torch.torch,
    threads: torch.threads,
    device: torch.device,
    create: async (model) =>
      torchSession(python, { compilesEachShape: name === "torch/xla", ...(await load(python, model)) }),
    place: async (model, feeds) => {
      await load(python, model);
      await python.ask({ do: "bind" }, feeds);
      const { header } = await python.ask({ do: "place" });
      return header["placement"] as Placement;
    },
  };
}

interface LoadedModel {
  readonly inputs: readonly InputSpec[];
  readonly outputNames: readonly string[];
}

async function load(python: PythonProcess, model: ModelFolder): Promise<LoadedModel> {
  const { config, precision, path } = model;
  const { header } = isGenerated(model)
    ? await python.ask({ do: "load", config, precision }, storedWeights(await readFile(model.modelFile)))
    : await python.ask({ do: "load_folder", path, config, precision });
  return header as unknown as LoadedModel;
}

function torchSession(python: PythonProcess, model: LoadedModel & Pick<Session, "compilesEachShape">): Session {
  // Python keeps the latest inputs and the latest outputs only.
  let binds = 0;
  let runs = 0;
  const bind = async (feeds: Feeds): Promise<BoundRun> => {
    await python.ask({ do: "bind" }, feeds);
    const bound = (binds += 1);
    return {
      run: async () => {
        assert(bound === binds, "other inputs were bound meanwhile");
        const { header } = await python.ask({ do: "run" });
        const run = (runs += 1);
        return {
          elapsedMs: header["elapsed_ms"] as number,
          outputs: async () => {
            assert(run === runs && bound === binds, "the outputs of an earlier run are gone");
            return (await python.ask({ do: "fetch" })).tensors;
          },
        };
      },
    };
  };
  return { ...model, bind, dispose: async () => void (await python.ask({ do: "unload" })) };
}
