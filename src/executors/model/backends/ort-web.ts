import type { InferenceSession } from "onnxruntime-web";
import { assayError } from "../../../contracts/index.ts";
import type { Feeds, ModelFolder } from "../../../models/index.ts";
import type { Backend, BoundRun, Session } from "./backend.ts";
import type { Placement } from "./placement.ts";
import { backendFacts } from "./backend-names.ts";
import type { BackendName } from "./backend-names.ts";
import { ortSession } from "./ort-session.ts";
import { readPlacement } from "./placement-log.ts";

type OrtWeb = typeof import("onnxruntime-web");

/** Where the runtime is loaded, and how a model's files are read there. */
export interface WebPlace {
  /** In pages the build with WebGPU and WebNN is loaded, from an address that the page's import map gives. */
  readonly kind: "node" | "page";
  readonly read: (file: string) => Promise<Uint8Array>;
  /** What the provider computes on. */
  readonly device: string | null;
}

/** ONNX Runtime compiled to WebAssembly, in Node or a page. The only file that loads it. */
export async function ortWebBackend(
  name: BackendName,
  wantedThreads: number | undefined,
  place: WebPlace,
): Promise<Backend> {
  const ort = await loadOrtWeb(place.kind);
  const { provider } = backendFacts[name];
  // One thread is what a page gets unless its server isolates it, and short runs are slower with more.
  const threads = wantedThreads ?? 1;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return {
    name,
    version: ort.env.versions.web ?? "unknown",
    threads,
    device: place.device,
    create: async (files) => {
      const source = await readModel(place, files);
      if (provider === "webnn") return fixedShapeSession(source, ort);
      return ortSession(ort, await open(source, ort, { executionProviders: [provider] }));
    },
    place: async (files, feeds) => {
      // The build for Node has no other provider to fall back to, nor has WebAssembly.
      if (provider === "wasm") return null;
      const source = await readModel(place, files);
      const options =
        provider === "webnn" ? webnnOptions(await inputsOf(source, ort), feeds) : { executionProviders: [provider] };
      return placeNodes(source, ort, options);
    },
  };
}

type Options = InferenceSession.SessionOptions;

/** A model in memory, with the files that it keeps numbers in. */
interface ModelSource {
  readonly model: Uint8Array;
  readonly externalData: Exclude<Options["externalData"], undefined>;
}

async function readModel(place: WebPlace, { modelFile, dataFiles }: ModelFolder): Promise<ModelSource> {
  const externalData = dataFiles.map(async ({ name, file }) => ({ path: name, data: await place.read(file) }));
  return { model: await place.read(modelFile), externalData: await Promise.all(externalData) };
}

/** Errors only in the log, unless something else is asked for: that nodes are on another provider is told by `place`. */
function open({ model, externalData }: ModelSource, ort: OrtWeb, options: Options): Promise<InferenceSession> {
  return ort.InferenceSession.create(model, { logSeverityLevel: 3, externalData, ...options });
}

export async function loadOrtWeb(kind: WebPlace["kind"]): Promise<OrtWeb> {
  if (kind === "page") overhearConsole();
  try {
    return await (kind === "page" ? import("onnxruntime-web/webgpu") : import("onnxruntime-web"));
  } catch (cause) {
    throw assayError("dependency_missing", "The package onnxruntime-web cannot be loaded", {
      cause,
      next: "Install it with `npm install onnxruntime-web`.",
    });
  }
}

type Inputs = Session["inputs"];

/** What a model declares, read by the provider that takes every model. */
async function inputsOf(source: ModelSource, ort: OrtWeb): Promise<Inputs> {
  const session = await open(source, ort, { executionProviders: ["wasm"] });
  const { inputs } = ortSession(ort, session);
  await session.release();
  return inputs;
}

/** WebNN compiles graphs whose every dimension is a number: with names in them the runtime gives the nodes to its own CPU code, silently. */
function webnnOptions(inputs: Inputs, feeds: Feeds): Options {
  const freeDimensionOverrides: Record<string, number> = {};
  for (const { name, dims } of inputs) {
    dims.forEach((dimension, index) => {
      const size = feeds[name]?.dims[index];
      if (typeof dimension === "string" && size !== undefined) freeDimensionOverrides[dimension] = size;
    });
  }
  // Which device a browser then takes is its own decision: it has none of some kinds and does not say so.
  return { executionProviders: [{ name: "webnn", deviceType: "cpu" }], freeDimensionOverrides };
}

/** Compiles the model anew for each shape that is bound, and keeps the latest. */
async function fixedShapeSession(source: ModelSource, ort: OrtWeb): Promise<Session> {
  const probe = await open(source, ort, { executionProviders: ["wasm"] });
  const { inputs, outputNames } = ortSession(ort, probe);
  await probe.release();
  let current: { key: string; session: Session } | undefined;
  const dispose = async (): Promise<void> => {
    await current?.session.dispose();
    current = undefined;
  };
  const bind = async (feeds: Feeds): Promise<BoundRun> => {
    const key = JSON.stringify(Object.values(feeds).map(({ dims }) => dims));
    if (current?.key !== key) {
      await dispose();
      const session = await open(source, ort, webnnOptions(inputs, feeds));
      current = { key, session: ortSession(ort, session) };
    }
    return current.session.bind(feeds);
  };
  return { inputs, outputNames, compilesEachShape: true, bind, dispose };
}

/** The runtime says where it puts the nodes only in its log, which it writes to the console. */
async function placeNodes(source: ModelSource, ort: OrtWeb, options: Options): Promise<Placement> {
  const lines: string[] = [];
  hear = (line) => lines.push(line);
  try {
    ort.env.logLevel = "verbose";
    const session = await open(source, ort, { ...options, logSeverityLevel: 0 });
    await session.release();
  } finally {
    ort.env.logLevel = "error";
    hear = undefined;
  }
  return readPlacement(lines);
}

/** Who listens to the console instead of its reader. */
let hear: ((line: string) => void) | undefined;

/** Before the runtime is loaded: it keeps the functions of the console that it finds then. */
function overhearConsole(): void {
  for (const method of ["log", "info", "debug", "warn", "error"] as const) {
    const write = console[method].bind(console);
    console[method] = (...words: unknown[]) => (hear === undefined ? write(...words) : hear(words.join(" ")));
  }
}
