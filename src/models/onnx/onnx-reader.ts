import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { elementType } from "./onnx-model.ts";

/** A stored tensor as found in a file; `data` is empty where the file keeps its numbers elsewhere (external data, typed fields). */
export interface StoredTensor {
  readonly name: string;
  readonly elementType: number;
  readonly dims: readonly number[];
  readonly data: Uint8Array;
  /** The file beside this one that has the numbers; absent where this one has them. */
  readonly location?: string;
}

/** What a look into an ONNX file tells without running it. */
export interface OnnxSummary {
  readonly initializers: readonly StoredTensor[];
  readonly nodeCount: number;
  /** Numbers that were learnt: every stored tensor except indices, shapes and flags. */
  readonly parameterCount: number;
}

/** Types of indices, shapes and flags; no runtime learns them. */
const bookkeepingTypes: ReadonlySet<number> = new Set([elementType.int32, elementType.int64, elementType.bool]);

/** Reads the parts of an ONNX file that Assay needs. Throws when the bytes are not a protobuf message with a graph. */
export function readOnnx(bytes: Uint8Array): OnnxSummary {
  const initializers: StoredTensor[] = [];
  let nodeCount = 0;
  let graphs = 0;
  forEachMessage(bytes, 7, (graph) => {
    graphs += 1;
    nodeCount += forEachMessage(graph, 1, () => undefined);
    forEachMessage(graph, 5, (tensor) => initializers.push(readTensor(tensor)));
  });
  if (graphs !== 1) throw new Error(`an ONNX file has one graph, this one has ${graphs}`);
  let parameterCount = 0;
  for (const tensor of initializers) {
    if (!bookkeepingTypes.has(tensor.elementType))
      parameterCount += tensor.dims.reduce((product, dim) => product * dim, 1);
  }
  return { initializers, nodeCount, parameterCount };
}

/** The numbers of a stored float tensor, as doubles. */
export function floatData(tensor: StoredTensor): Float64Array {
  if (tensor.elementType !== elementType.float) throw new Error(`tensor ${tensor.name} does not hold 32-bit floats`);
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  return Float64Array.from({ length: view.byteLength / 4 }, (_, index) => view.getFloat32(index * 4, true));
}

/** Calls `visit` with every embedded message of one field; returns how many there were. */
function forEachMessage(bytes: Uint8Array, field: number, visit: (message: Uint8Array) => void): number {
  const reader = new BinaryReader(bytes);
  let count = 0;
  while (reader.pos < reader.len) {
    const [found, wireType] = reader.tag();
    if (found === field && wireType === WireType.LengthDelimited) {
      visit(reader.bytes());
      count += 1;
    } else {
      reader.skip(wireType, found);
    }
  }
  return count;
}

function readTensor(bytes: Uint8Array): StoredTensor {
  const reader = new BinaryReader(bytes);
  const dims: number[] = [];
  let type = 0;
  let name = "";
  let data: Uint8Array = new Uint8Array();
  let location: string | undefined;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1 && wireType === WireType.Varint) dims.push(Number(reader.int64()));
    else if (field === 1) dims.push(...packedInts(reader.bytes()));
    else if (field === 2) type = reader.int32();
    else if (field === 8) name = reader.string();
    else if (field === 9) data = reader.bytes();
    else if (field === 13) location = readLocation(reader.bytes()) ?? location;
    else reader.skip(wireType, field);
  }
  return { name, elementType: type, dims, data, ...(location === undefined ? {} : { location }) };
}

/** An entry of `external_data`: several pairs of words, of which one says where the numbers are. */
function readLocation(bytes: Uint8Array): string | undefined {
  const reader = new BinaryReader(bytes);
  const words: Record<number, string> = {};
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) words[field] = reader.string();
    else reader.skip(wireType, field);
  }
  return words[1] === "location" ? words[2] : undefined;
}

/** Some writers pack repeated numbers although proto2 does not by default. */
function packedInts(bytes: Uint8Array): number[] {
  const reader = new BinaryReader(bytes);
  const values: number[] = [];
  while (reader.pos < reader.len) values.push(Number(reader.int64()));
  return values;
}
