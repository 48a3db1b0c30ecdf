import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { elementType, encodeOnnx } from "../../models/index.ts";

type Nodes = Parameters<typeof encodeOnnx>[0]["nodes"];
type Initializers = Parameters<typeof encodeOnnx>[0]["initializers"];

/** For tests: models that take pictures of 4 by 4 points, so small that each can fail in its own way. */
const PICTURE = { elementType: elementType.float, dims: ["batch_size", 3, 4, 4] };

/** `edge`: its inputs, and after them its one output. */
export function node(opType: string, edge: readonly string[], attributes = {}): Nodes[number] {
  const [inputs, outputs] = [edge.slice(0, -1), edge.slice(-1)];
  return { name: `${opType}_${outputs[0]}`, opType, inputs, outputs, attributes };
}

export function ints(name: string, values: readonly number[]): Initializers[number] {
  const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, elementType: elementType.int64, dims: [values.length], data };
}

/** From `pixel_values` to `logits`. */
export function picturesModel(nodes: Nodes, initializers: Initializers = []): Uint8Array {
  const [inputs, outputs] = [[{ name: "pixel_values", ...PICTURE }], [{ name: "logits", ...PICTURE }]];
  return encodeOnnx({ name: "made", nodes, initializers, inputs, outputs });
}

/** Asks for a tensor of as many pictures before it gives an output of the right shape. */
export function expandingModel(pictures: number): Uint8Array {
  const nodes = [
    node("Expand", ["pixel_values", "shape", "many"]),
    node("ReduceMax", ["many", "first", "logits"], { keepdims: 0 }),
  ];
  return picturesModel(nodes, [ints("shape", [pictures, 1, 3, 4, 4]), ints("first", [0])]);
}

export async function writeModel(folder: string, onnx: Uint8Array): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify({ model_type: "vit", image_size: 4, num_channels: 3 }));
  await writeFile(join(folder, "model.onnx"), onnx);
  return folder;
}

/** Copies a generated model with all its weights in `model.onnx_data`, where no reference finds them. */
export async function splitModel(from: string, to: string): Promise<string> {
  await cp(from, to, { recursive: true });
  const config = JSON.parse(await readFile(join(to, "config.json"), "utf8")) as Record<string, unknown>;
  await writeFile(join(to, "config.json"), JSON.stringify({ ...config, assay_generated: undefined }));
  const file = join(to, "onnx", "model.onnx");
  const { onnx, data } = withDataFile(await readFile(file), "model.onnx_data");
  await writeFile(file, onnx);
  await writeFile(`${file}_data`, data);
  return to;
}

function withDataFile(onnx: Uint8Array, name: string): { onnx: Uint8Array; data: Uint8Array } {
  const parts: Uint8Array[] = [];
  let offset = 0;
  const tensor = (bytes: Uint8Array): Uint8Array => {
    // Runtimes want shapes and axes where they read the graph.
    if (!fieldsOf(bytes).some(({ field, whole }) => field === 2 && whole[1] === elementType.float)) return bytes;
    const raw = fieldsOf(bytes).find(({ field }) => field === 9)?.bytes ?? new Uint8Array();
    const writer = new BinaryWriter();
    for (const { field, whole } of fieldsOf(bytes)) if (field !== 9) writer.raw(whole);
    const entries = { location: name, offset: String(offset), length: String(raw.length) };
    for (const [key, value] of Object.entries(entries)) {
      writer.tag(13, WireType.LengthDelimited).fork();
      writer.tag(1, WireType.LengthDelimited).string(key).tag(2, WireType.LengthDelimited).string(value).join();
    }
    // `data_location`: external.
    writer.tag(14, WireType.Varint).int32(1);
    parts.push(raw);
    offset += raw.length;
    return writer.finish();
  };
  const graph = (bytes: Uint8Array): Uint8Array => rewritten(bytes, 5, tensor);
  return { onnx: rewritten(onnx, 7, graph), data: Buffer.concat(parts) };
}

/** A message with each embedded message of one field replaced. */
function rewritten(message: Uint8Array, target: number, change: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  for (const { field, bytes, whole } of fieldsOf(message)) {
    if (field === target && bytes !== undefined) writer.tag(field, WireType.LengthDelimited).bytes(change(bytes));
    else writer.raw(whole);
  }
  return writer.finish();
}

function fieldsOf(message: Uint8Array): { field: number; bytes: Uint8Array | undefined; whole: Uint8Array }[] {
  const reader = new BinaryReader(message);
  const fields = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [field, wireType] = reader.tag();
    const bytes = wireType === WireType.LengthDelimited ? reader.bytes() : undefined;
    if (bytes === undefined) reader.skip(wireType, field);
    fields.push({ field, bytes, whole: message.subarray(start, reader.pos) });
  }
  return fields;
}
