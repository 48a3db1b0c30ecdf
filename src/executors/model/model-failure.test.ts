import { describe, expect, test } from "vitest";
import { AssayError } from "../../base/index.ts";
import { classifyDeath, classifyFailure, failureDocument, WrongNumbersError } from "./model-failure.ts";

describe("classifyFailure", () => {
  // Texts of ONNX Runtime 1.30 (native and web), Dawn and V8. Those of CUDA and of a lost device are as the runtimes' sources make them;
  // the others are what the tests of model-driver and model-attempt meet, or were seen.
  test.each([
    ["backend_unavailable", "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library"],
    ["backend_unavailable", "no available backend found. ERR: [dml] backend not found."],
    ["backend_unavailable", "Failed to get a WebGPU adapter: No supported adapters"],
    ["unsupported_operator", "Fatal error: :Nope(-1) is not a registered function/op"],
    ["unsupported_operator", "cannot resolve operator 'Gelu' with opsets: ai.onnx v20"],
    ["unsupported_operator", "NOT_IMPLEMENTED : Could not find an implementation for Conv(1) node with name 'x'"],
    ["model_file_missing", "Load model /nope.onnx failed. File doesn't exist"],
    ["out_of_memory", "std::bad_alloc"],
    ["out_of_memory", "Failed to allocate memory for requested buffer of size 137438953472"],
    ["out_of_memory", "Array buffer allocation failed"],
    ["out_of_memory", "failed to call OrtRun(). ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc"],
    ["out_of_memory", "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Tensor shape is too large"],
    [
      "out_of_memory",
      "SafeIntExceptionHandler<onnxruntime::OnnxRuntimeException>::SafeIntOnOverflow() Integer overflow",
    ],
    [
      "out_of_memory",
      "WebGPU validation failed. Buffer size (4279680000) exceeds the max buffer size limit (1073741824).",
    ],
    ["device_lost", "The WebGPU device was lost: GPU connection lost"],
    [
      "device_lost",
      "Failed to download data from buffer. wgpu::MapAsyncStatus value: 4, message: Failed to execute 'mapAsync' on 'GPUBuffer': A valid external Instance reference no longer exists.",
    ],
    [
      "missing_feature",
      "Status Message: shader_helper.cc:416 GenerateSourceCode Program Cast requires f16 but the device does not support it.",
    ],
    ["backend_unavailable", "Failed to execute 'createContext' on 'ML': WebNN is not supported on this platform."],
    ["out_of_memory", "CUDA failure 2: out of memory ; GPU=0 ; hostname=a ; expr=cudaMalloc((void**)&p, size);"],
    ["cuda_error", "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=a ;"],
    ["cuda_error", "CUBLAS failure 14: CUBLAS_STATUS_INTERNAL_ERROR ; GPU=0 ; hostname=a"],
    [
      "wrong_input",
      "Got invalid dimensions for input: input_ids for the following indices\n index: 0 Got: 2 Expected: 1",
    ],
    ["model_unreadable", "Failed to load model because protobuf parsing failed."],
    ["model_unreadable", "Node (logitsExpand) Op (Expand) [ShapeInferenceError] Incompatible dimensions"],
    [
      "model_unreadable",
      "Initializer 'w' declares a size of 4000000000000 bytes which exceeds the 2147483648 byte limit for embedded initializer data.",
    ],
    ["model_unreadable", "Can't create a session. ERROR_CODE: 6, ERROR_MESSAGE: narrowing_error"],
    ["model_unreadable", "Opset 99 is under development and support for this is limited."],
    // Of PyTorch on the CPU.
    [
      "out_of_memory",
      "RuntimeError: [enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 140737488355328 bytes. Error code 12 (Cannot allocate memory)",
    ],
    ["unsupported_operator", `RuntimeError: "LayerNormKernelImpl" not implemented for 'Half'`],
    [
      "unsupported_operator",
      "NotImplementedError: Could not run 'aten::empty.memory_format' with arguments from the 'MPS' backend.",
    ],
    // Of Transformers.js.
    ["backend_unavailable", 'Unsupported device: "cuda". Should be one of: coreml, webgpu, cpu.'],
    ["wrong_input", 'An error occurred during model execution: "Missing the following inputs: pixel_values.'],
    [
      "model_file_missing",
      '`local_files_only=true` or `env.allowRemoteModels=false` and file was not found locally at "/m/onnx/encoder_model.onnx".',
    ],
    ["setup", "Something that no runtime has said so far"],
  ])("%s: %s", (expected, message) => {
    expect(classifyFailure(new Error(message), false).class).toBe(expected);
  });

  // Not verified on hardware: as the sources of PyTorch have the words, not as a device said them.
  test.each([
    [
      "unsupported_operator",
      "NotImplementedError: The operator 'aten::_fft_r2c' is not currently implemented for the MPS device. If you want this op to be added in priority during the prototype phase of this feature, please comment on https://github.com/pytorch/pytorch/issues/77764.",
    ],
    [
      "out_of_memory",
      "OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB (GPU 0; 79.15 GiB total capacity; 61.20 GiB already allocated; 17.01 GiB free; 61.22 GiB reserved in total by PyTorch)",
    ],
    ["out_of_memory", "OutOfMemoryError: HIP out of memory. Tried to allocate 20.00 GiB."],
    [
      "out_of_memory",
      "RuntimeError: MPS backend out of memory (MPS allocated: 17.92 GB, other allocations: 384.00 KB, max allowed: 18.13 GB). Tried to allocate 256.00 MB on private pool.",
    ],
    ["out_of_memory", "RuntimeError: RESOURCE_EXHAUSTED: Attempting to reserve 12.50G at the bottom of memory."],
    ["cuda_error", "RuntimeError: CUDA error: an illegal memory access was encountered"],
    ["cuda_error", "RuntimeError: CUDA error: device-side assert triggered"],
    ["cuda_error", "RuntimeError: HIP error: invalid device function"],
  ])("of PyTorch on devices, %s: %s", (expected, message) => {
    expect(classifyFailure(new Error(message), false).class).toBe(expected);
  });

  test("an unknown text is a crash once the model has answered", () => {
    expect(classifyFailure(new Error("Non-zero status code returned"), true).class).toBe("crash");
  });

  test("our own errors are classified by type and code, and keep the next step", () => {
    expect(classifyFailure(new WrongNumbersError("off by 3"), true).class).toBe("wrong_numbers");
    const missing = new AssayError("model_file_missing", { message: "no onnx", next: "Export it." });
    expect(classifyFailure(missing, false)).toEqual({ class: "model_file_missing", message: "no onnx. Export it." });
    const damaged = new AssayError("model_unreadable", { message: "torn", next: "Export it again." });
    expect(classifyFailure(damaged, false).class).toBe("model_unreadable");
    const browser = new AssayError("browser_not_started", { message: "no libnss3", next: "Install it." });
    expect(classifyFailure(browser, false).class).toBe("backend_unavailable");
    const dependency = new AssayError("dependency_missing", { message: "not installed", next: "Install it." });
    expect(classifyFailure(dependency, false).class).toBe("backend_unavailable");
    const unknown = new AssayError("unknown_model", { message: "no such model", next: "See the list." });
    expect(classifyFailure(unknown, false).class).toBe("unknown_model");
  });
});

describe("classifyDeath", () => {
  test("a signal is a crash that names it", () => {
    const failure = classifyDeath({ exitCode: null, signal: "SIGSEGV", log: "" });
    expect(failure).toEqual({ class: "crash", message: "The inference process ended with signal SIGSEGV" });
  });

  test("a kill is out of memory when the kernel says so, else a crash", () => {
    const killed = { exitCode: null, signal: "SIGKILL", log: "" };
    expect(classifyDeath({ ...killed, oomKill: true }).class).toBe("out_of_memory");
    expect(classifyDeath({ ...killed, oomKill: false }).class).toBe("crash");
    expect(classifyDeath({ ...killed, signal: "SIGSEGV", oomKill: true }).class).toBe("crash");
  });

  test("V8's last words about its heap are out of memory", () => {
    const log = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory";
    expect(classifyDeath({ exitCode: 134, signal: null, log })).toMatchObject({
      class: "out_of_memory",
      message: expect.stringContaining("exit code 134"),
    });
  });
});

test("a feature that the device lacks is called as WebGPU calls it", () => {
  const words = "Program Cast requires f16 but the device does not support it.";
  expect(classifyFailure(new Error(words), true)).toEqual({
    class: "missing_feature",
    message: `${words} The WebGPU feature it lacks is shader-f16.`,
  });
});

test("in a result document wrong numbers are the test saying no, and nothing else is", () => {
  expect(failureDocument({ class: "wrong_numbers", message: "off" })).toEqual({
    class: "assertion",
    reason: "wrong_numbers",
    message: "off",
  });
  expect(failureDocument({ class: "unsupported_operator", message: "x" }).class).toBe("setup");
});
