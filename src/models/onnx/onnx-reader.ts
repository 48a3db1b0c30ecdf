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

/** How a file holds a tensor. */
interface TensorStorage {
  /** All bytes that the file has for it. */
  readonly messageBytes: number;
  /** Whether its numbers are in a second file. */
  readonly external: boolean;
}

/** `TensorProto.DataLocation` of tensors whose numbers are in a second file. */
const EXTERNAL = 1;

/** What a look into an ONNX file tells without running it. */
export interface OnnxSummary {
  readonly initializers: readonly StoredTensor[];
  readonly nodeCount: number;
  /**
   * Numbers that were learnt: every stored tensor except indices, shapes, flags, and the scales and zero points of quantized weights.
   * Weights of which a byte holds several count as many as they were.
   */
  readonly parameterCount: number;
}

/** Types of indices, shapes and flags; no runtime learns them. */
const bookkeepingTypes: ReadonlySet<number> = new Set([elementType.int32, elementType.int64, elementType.bool]);

/**
 * Reads the parts of an ONNX file that Assay needs. Throws when the bytes are not a protobuf message with a graph, or when a tensor does
 * not have as many bytes as its shape asks for.
 */
export function readOnnx(bytes: Uint8Array): OnnxSummary {
  const initializers: StoredTensor[] = [];
  const quantized = new QuantizedWeights();
  let nodeCount = 0;
  let graphs = 0;
  forEachMessage(bytes, 7, (graph) => {
    graphs += 1;
    nodeCount += forEachMessage(graph, 1, (node) => quantized.note(node));
    forEachMessage(graph, 5, (tensor) => initializers.push(readTensor(tensor)));
  });
  if (graphs !== 1) throw new Error(`an ONNX file has one graph, this one has ${graphs}`);
  let parameterCount = 0;
  for (const tensor of initializers) {
    if (!bookkeepingTypes.has(tensor.elementType)) parameterCount += quantized.count(tensor);
  }
  return { initializers, nodeCount, parameterCount };
}

/** Bytes of one element of the types whose elements have whole bytes, as far as models store them. */
const elementBytes: ReadonlyMap<number, number> = new Map([
  ...[elementType.uint8, elementType.int8, elementType.bool].map((type) => [type, 1] as const),
  [elementType.float16, 2],
  ...[elementType.float, elementType.int32].map((type) => [type, 4] as const),
  [elementType.int64, 8],
]);

/** Refuses a tensor that has other than the bytes that its shape asks for. */
function checkSize({ name, elementType: type, dims, data }: StoredTensor, stored: TensorStorage): void {
  const size = elementBytes.get(type);
  const count = elementCount(dims);
  if (!Number.isSafeInteger(count) || dims.some((dim) => dim < 0))
    throw new Error(`the tensor ${name} has the impossible shape [${dims.join(", ")}]`);
  if (size === undefined || stored.external) return;
  // Without raw data the numbers are in typed fields, which take at least a byte for each.
  const fits = data.length === 0 ? count <= stored.messageBytes : count * size === data.length;
  if (fits) return;
  throw new Error(
    `the tensor ${name} of shape [${dims.join(", ")}] should have ${count * size} bytes and has ${data.length}`,
  );
}

function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Inputs that hold scales and zero points, by the operators that turn quantized weights back. */
const quantizationInputs: Readonly<Record<string, readonly number[]>> = {
  DequantizeLinear: [1, 2],
  MatMulNBits: [2, 3],
};

/** How many weights each quantized tensor of a graph stands for, as its nodes tell. */
class QuantizedWeights {
  private readonly counts = new Map<string, number>();

  note(bytes: Uint8Array): void {
    const { opType, inputs, numbers } = readNode(bytes);
    for (const at of quantizationInputs[opType] ?? []) this.counts.set(inputs[at] ?? "", 0);
    if (opType === "MatMulNBits") this.counts.set(inputs[1] ?? "", (numbers.get("K") ?? 0) * (numbers.get("N") ?? 0));
  }

  count(tensor: StoredTensor): number {
    return this.counts.get(tensor.name) ?? elementCount(tensor.dims);
  }
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

interface NodeSummary {
  readonly opType: string;
  readonly inputs: readonly string[];
  /** Its INT attributes. */
  readonly numbers: ReadonlyMap<string, number>;
}

function readNode(bytes: Uint8Array): NodeSummary {
  const reader = new BinaryReader(bytes);
  const inputs: string[] = [];
  const numbers = new Map<string, number>();
  let opType = "";
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) inputs.push(reader.string());
    else if (field === 4) opType = reader.string();
    else if (field === 5) noteNumber(reader.bytes(), numbers);
    else reader.skip(wireType, field);
  }
  return { opType, inputs, numbers };
}

function noteNumber(attribute: Uint8Array, numbers: Map<string, number>): void {
  const reader = new BinaryReader(attribute);
  let name = "";
  let value: number | undefined;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) name = reader.string();
    else if (field === 3 && wireType === WireType.Varint) value = Number(reader.int64());
    else reader.skip(wireType, field);
  }
  if (value !== undefined) numbers.set(name, value);
}

function readTensor(bytes: Uint8Array): StoredTensor {
  const reader = new BinaryReader(bytes);
  const dims: number[] = [];
  let type = 0;
  let name = "";
  let external = false;
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
    else if (field === 14) external = reader.int32() === EXTERNAL;
    else reader.skip(wireType, field);
  }
  const tensor = { name, elementType: type, dims, data, ...(location === undefined ? {} : { location }) };
  checkSize(tensor, { messageBytes: bytes.length, external });
  return tensor;
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
