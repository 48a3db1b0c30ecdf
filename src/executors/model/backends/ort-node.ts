import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { assayError } from "../../../contracts/index.ts";
import type { Feeds } from "../../../models/index.ts";
import type { Backend } from "./backend.ts";
import { backendFacts } from "./backend-names.ts";
import type { BackendName } from "./backend-names.ts";
import { ortSession } from "./ort-session.ts";
import { PlacementCount } from "./placement.ts";
import type { Placement } from "./placement.ts";

const SOFTWARE = "SwiftShader, software";

type OrtNode = typeof import("onnxruntime-node");

/** ONNX Runtime's native library for Node. The only file that loads it. */
export async function ortNodeBackend(name: BackendName, wantedThreads: number | undefined): Promise<Backend> {
  const ort = await loadOrtNode();
  const threads = wantedThreads ?? availableParallelism();
  const options: InferenceSession.SessionOptions = {
    // One provider only: a list does not fall back, it fails, and a silent fallback would be worse.
    executionProviders: [backendFacts[name].provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Warnings about nodes on other providers are told by `place`; only errors are worth a log line.
    logSeverityLevel: 3,
  };
  return {
    name,
    version: ort.env.versions.node ?? "unknown",
    threads,
    // The runtime tells nothing of its adapter; which driver it was shown is known.
    device: /swiftshader/i.test(process.env["VK_ICD_FILENAMES"] ?? "") && name === "ort-node/webgpu" ? SOFTWARE : null,
    // The native library finds the data files by itself.
    create: async ({ modelFile }) => ortSession(ort, await ort.InferenceSession.create(modelFile, options)),
    place: ({ modelFile }, feeds) => profile(ort, { modelFile, options, feeds }),
  };
}

export async function loadOrtNode(): Promise<OrtNode> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw assayError("dependency_missing", "The package onnxruntime-node cannot be loaded", {
      cause,
      next: "Install it with `npm install onnxruntime-node`; it has binaries for Linux, macOS and Windows on x64 and arm64.",
    });
  }
}

/** Counts the nodes per provider in the trace that the runtime's profiler writes. */
async function profile(
  ort: OrtNode,
  run: { readonly modelFile: string; readonly options: InferenceSession.SessionOptions; readonly feeds: Feeds },
): Promise<Placement> {
  const folder = await mkdtemp(join(tmpdir(), "assay-profile-"));
  try {
    const options = { ...run.options, enableProfiling: true, profileFilePrefix: join(folder, "trace") };
    const session = await ort.InferenceSession.create(run.modelFile, options);
    const bound = await ortSession(ort, session).bind(run.feeds);
    await bound.run();
    session.endProfiling();
    await session.release();
    const [trace] = await readdir(folder);
    return trace === undefined ? {} : countNodes(JSON.parse(await readFile(join(folder, trace), "utf8")) as unknown);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function countNodes(trace: unknown): Placement {
  const count = new PlacementCount();
  for (const { args } of Array.isArray(trace) ? (trace as TraceEvent[]) : []) {
    if (typeof args?.provider === "string") count.add(args.provider, String(args.op_name));
  }
  return count.placement;
}

/** As far as it is looked at; only events of nodes name a provider. */
interface TraceEvent {
  args?: { provider?: unknown; op_name?: unknown };
}
