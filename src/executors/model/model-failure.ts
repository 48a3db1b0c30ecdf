import { AssayError, errorMessage } from "../../base/index.ts";
import { modelFailures } from "../../contracts/index.ts";
import type { Failure, ModelFailureReason } from "../../contracts/index.ts";

export interface ModelFailure {
  readonly class: ModelFailureReason;
  readonly message: string;
}

/** The model ran and its outputs are not what they must be. */
export class WrongNumbersError extends Error {
  override readonly name = "WrongNumbersError";
}

/** The runtime says what its program needs, not how WebGPU calls that. */
const F16_MISSING = /requires f16 but the device does not support it/i;

/**
 * What runtimes write, by class; the first match wins. Runtimes throw plain errors, so their words are all there is; the tests hold real
 * messages.
 */
const patterns: readonly (readonly [ModelFailureReason, RegExp])[] = [
  [
    "out_of_memory",
    /out of memory|bad_alloc|failed to allocate|allocation failed|cannot enlarge memory|invalid array length|CU(BLAS|DNN)_STATUS_ALLOC_FAILED/i,
  ],
  // Of PyTorch, also on XLA.
  ["out_of_memory", /can't allocate memory|RESOURCE_EXHAUSTED/i],
  // Of WebAssembly, whose addresses end at 4 GB, and of WebGPU, whose adapters limit a buffer.
  ["out_of_memory", /tensor shape is too large|SafeIntOnOverflow|exceeds the max buffer size limit/i],
  ["device_lost", /device (was |is |has been )?lost|DXGI_ERROR_DEVICE|external Instance reference no longer exists/i],
  ["missing_feature", F16_MISSING],
  [
    "backend_unavailable",
    /backend not found|no available backend|failed to load shared library|failed to get a WebGPU adapter|not enabled in this build|not supported on this platform|no CUDA-capable device|driver version is insufficient|unsupported device/i,
  ],
  [
    "cuda_error",
    /(CUDA|HIP) (failure|error)|illegal memory access|CUDA_ERROR_|CUBLAS_STATUS_|CUDNN_STATUS_|CUBLAS failure/i,
  ],
  [
    "unsupported_operator",
    /is not a registered function\/op|could not find an implementation|cannot resolve operator|no op registered|not implemented/i,
  ],
  [
    "unsupported_operator",
    /not currently implemented for the \w+ device|could not run 'aten::\S+' with arguments from/i,
  ],
  ["wrong_input", /invalid (dimensions|rank) for input|unexpected input data type|missing (the following )?input/i],
  [
    "model_unreadable",
    /protobuf parsing failed|invalid protobuf|this is an invalid model|unsupported model IR version|opset \d+ is under development/i,
  ],
  ["model_unreadable", /(shape|type)InferenceError|declares a size of \d+ bytes|narrowing_error/i],
  ["model_file_missing", /file doesn't exist|file was not found locally|ENOENT/i],
];

/** Classifies what was thrown in a child that is still alive. `loaded`: whether the model had answered once. */
export function classifyFailure(error: unknown, loaded: boolean): ModelFailure {
  const words = describe(error);
  const message = F16_MISSING.test(words) ? `${words} The WebGPU feature it lacks is shader-f16.` : words;
  if (error instanceof WrongNumbersError) return { class: "wrong_numbers", message };
  if (error instanceof AssayError) return { class: reasonOfCode(error.code), message };
  const known = patterns.find(([, pattern]) => pattern.test(message));
  return { class: known?.[0] ?? (loaded ? "crash" : "setup"), message };
}

/** What a process may die of, told by what it wrote last. */
const LAST_WORDS: ReadonlySet<ModelFailureReason> = new Set(["out_of_memory", "device_lost", "cuda_error"]);

/** Classifies a child that ended without an answer. `log` is the end of what it wrote. */
export function classifyDeath(death: {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly log: string;
  /** Whether the kernel killed a process for want of memory meanwhile. */
  readonly oomKill?: boolean;
}): ModelFailure {
  if (death.signal === "SIGKILL" && death.oomKill === true) {
    return { class: "out_of_memory", message: "The inference process was killed by the kernel for want of memory" };
  }
  const how = death.signal === null ? `exit code ${death.exitCode}` : `signal ${death.signal}`;
  const log = death.log.trim();
  const message = `The inference process ended with ${how}${log === "" ? "" : `: ${log.slice(-2_000)}`}`;
  const known = patterns.find(([name, pattern]) => LAST_WORDS.has(name) && pattern.test(log));
  return { class: known?.[0] ?? "crash", message };
}

/** The failure as it stands in a result: the class that decides about retries, with the finer word as reason. */
export function failureDocument(failure: ModelFailure): Failure {
  return {
    class: modelFailures[failure.class].class,
    reason: failure.class,
    message: failure.message.slice(0, 16_384),
  };
}

function reasonOfCode(code: string): ModelFailureReason {
  if (code === "model_file_missing" || code === "model_unreadable" || code === "unknown_model") return code;
  return code === "dependency_missing" || code === "browser_not_started" ? "backend_unavailable" : "setup";
}

function describe(error: unknown): string {
  return error instanceof AssayError ? `${error.message}. ${error.next}` : errorMessage(error).trim();
}
