import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { programsOnPath } from "../programs-on-path.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import type { Frame } from "./frames.ts";

const tensors = {
  ids: { type: "int64", dims: [2, 2], data: BigInt64Array.of(1n, -2n, 2n ** 62n, 4n) },
  empty: { type: "float32", dims: [1, 4, 0, 8], data: new Float32Array(0) },
  values: { type: "float32", dims: [3], data: Float32Array.of(0.5, Number.NaN, -Infinity) },
} as const;
const header = { do: "bind", note: "ü → 語" };

function readInPieces(bytes: Uint8Array, size: number): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  return frames;
}

describe("frames", () => {
  test.each([1, 7, 13, 64, 10_000])("arrive whole from pieces of %i bytes", (size) => {
    const bytes = Buffer.concat([...encodeFrame(header, tensors), ...encodeFrame({ do: "run" })]);
    const frames = readInPieces(bytes, size);
    expect(frames).toHaveLength(2);
    expect(frames[0]).toMatchObject({ header, tensors });
    expect(frames[1]).toMatchObject({ header: { do: "run" }, tensors: {} });
  });

  test("a frame that is cut short is not taken", () => {
    const bytes = Buffer.concat(encodeFrame(header, tensors));
    expect(readInPieces(bytes.subarray(0, -1), 1_000)).toEqual([]);
  });
});

/** Sends back what it gets, through tensors that are nothing but memory. */
const ECHO = `
import ctypes, math, sys
from frames import read_frame, write_frame

class Tensor:
    def __init__(self, spec, memory):
        self.dtype, self.shape, self.memory = "torch." + spec["type"], spec["dims"], ctypes.create_string_buffer(memory, len(memory))
    def numel(self): return math.prod(self.shape)
    def element_size(self): return 8 if self.dtype == "torch.int64" else 4
    def data_ptr(self): return ctypes.addressof(self.memory)

while (frame := read_frame(sys.stdin.buffer)) is not None:
    header, body = frame
    tensors, offset = {}, 0
    for spec in header.pop("tensors"):
        size = math.prod(spec["dims"]) * (8 if spec["type"] == "int64" else 4)
        tensors[spec["name"]] = Tensor(spec, bytes(body[offset : offset + size]))
        offset += size
    write_frame(sys.stdout.buffer, header, tensors)
`;

const [python] = programsOnPath(["python3"], process.env);
if (python === undefined) console.warn("there is no python3 on the PATH: its side of the frames is not tested");

test.runIf(python !== undefined)("Python reads and writes the same frames, and ends where the stream does", () => {
  const frame = Buffer.concat(encodeFrame(header, tensors));
  const { stdout, stderr, status } = spawnSync(python ?? "", ["-c", ECHO], {
    // The second frame is cut short.
    input: Buffer.concat([frame, frame.subarray(0, 40)]),
    env: { ...process.env, PYTHONPATH: fileURLToPath(new URL(".", import.meta.url)), PYTHONDONTWRITEBYTECODE: "1" },
  });
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: "" });
  const frames = readInPieces(stdout, 1_000);
  expect(frames).toHaveLength(1);
  expect(frames[0]).toMatchObject({ header, tensors });
});
