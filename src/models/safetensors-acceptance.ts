/** For tests: the first part of a safetensors file, which says what tensors it has; their numbers would follow. */
export function safetensorsHeader(shapes: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const tensors = Object.entries(shapes).map(([name, shape]) => [name, { dtype: "F32", shape }] as const);
  const text = JSON.stringify({ __metadata__: { format: "pt" }, ...Object.fromEntries(tensors) });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, Buffer.from(text)]);
}
