import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { AssayError, assert } from "../../../base/index.ts";
import type { JsonObject } from "../../../base/index.ts";
import { assayError } from "../../../contracts/index.ts";
import type { Environment } from "../programs-on-path.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import type { Frame, RawTensor } from "./frames.ts";

/** How a process ended. */
export interface Death {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The Python program beside this file, in a process of its own, which answers one request after the other. */
export class PythonProcess {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly ended: Promise<void>;
  private waiting: { resolve: (frame: Frame) => void; reject: (error: Error) => void } | undefined;

  /** What it prints goes to this process's error stream. `onDeath`: it ended although nobody had asked it to. */
  constructor(executable: string, options: { env: Environment; onDeath: (death: Death) => void }) {
    const program = fileURLToPath(new URL("./runner.py", import.meta.url));
    this.child = spawn(executable, [program, String(Date.now())], {
      env: { ...options.env, ...settings },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const reader = new FrameReader((frame) => this.settle(frame));
    this.child.stdout.on("data", (chunk: Uint8Array) => reader.push(chunk));
    // Told by "close".
    this.child.stdin.on("error", () => undefined);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.child.on("error", (error) => {
      this.waiting?.reject(error);
      resolve();
    });
    // After the last frame, not just after the end of the process.
    this.child.on("close", (exitCode, signal) => {
      if (!this.child.stdin.writableEnded) options.onDeath({ exitCode, signal });
      resolve();
    });
  }

  /** Of a process that could not be started: 0, and `ask` rejects. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Rejects with what Python threw; never settles when the process ends instead. */
  async ask(request: JsonObject, tensors?: Readonly<Record<string, RawTensor>>): Promise<Frame> {
    assert(this.waiting === undefined, "Python is asked for one thing at a time");
    const { promise, resolve, reject } = Promise.withResolvers<Frame>();
    this.waiting = { resolve, reject };
    for (const piece of encodeFrame(request, tensors)) this.child.stdin.write(piece);
    return promise;
  }

  /** Python ends when nobody can ask any more, whatever it is doing. Resolves when it is gone. */
  async close(): Promise<void> {
    this.child.stdin.end();
    await this.ended;
  }

  private settle(frame: Frame): void {
    const { waiting } = this;
    this.waiting = undefined;
    const { error } = frame.header;
    if (error === undefined) waiting?.resolve(frame);
    else waiting?.reject(pythonError(error as { type: string; message: string }));
  }
}

const settings = {
  // No compiled files beside the program.
  PYTHONDONTWRITEBYTECODE: "1",
  // An operator that MPS lacks is an error, not something for the CPU.
  PYTORCH_ENABLE_MPS_FALLBACK: "0",
  // Models are on this machine by now.
  HF_HUB_OFFLINE: "1",
};

function pythonError({ type, message }: { readonly type: string; readonly message: string }): Error {
  switch (type) {
    case "Unavailable":
      return assayError("dependency_missing", message, {
        next: "Install a PyTorch that is built for this device, and the device's driver.",
      });
    case "TransformersMissing":
      return assayError("dependency_missing", message, {
        next: "Install it for the same Python with `pip install transformers`, or take one of the built-in models.",
      });
    case "Unsupported":
      return new AssayError("model_unsupported", {
        message,
        next: "Take another model or precision, or one of ONNX Runtime's backends.",
      });
    default:
      return new Error(`${type}: ${message}`);
  }
}
