import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { PlacementCount } from "./placement.ts";
import type { Placement } from "./placement.ts";

/** What the runtimes on ONNX Runtime's native library have in common. */
export function nativeOptions(threads: number): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Warnings about nodes on other providers are told by the profile; only errors are worth a log line.
    logSeverityLevel: 3,
  };
}

/** The library tells nothing of its adapter; which driver it was shown is known. */
export function nativeDevice(provider: string): string | null {
  const software = provider === "webgpu" && /swiftshader/i.test(process.env["VK_ICD_FILENAMES"] ?? "");
  return software ? "SwiftShader, software" : null;
}

/** What makes a session write a trace. */
export type Profiling = Required<Pick<InferenceSession.SessionOptions, "enableProfiling" | "profileFilePrefix">>;

/** Counts the nodes per provider in the trace that the profiler writes: `run` runs a session with it, and ends its profiling. */
export async function profiledPlacement(run: (profiling: Profiling) => Promise<void>): Promise<Placement> {
  const folder = await mkdtemp(join(tmpdir(), "assay-profile-"));
  try {
    await run({ enableProfiling: true, profileFilePrefix: join(folder, "trace") });
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
