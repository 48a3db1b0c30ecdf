import type { GraphBuilder, TensorName } from "./graph-builder.ts";

/** How an image becomes tokens. */
export interface PatchLayout {
  /** Name of the convolution, and whether it has a bias. */
  readonly kernel: string;
  readonly kernelBias: boolean;
  readonly classToken: { readonly name: string; readonly dims: readonly number[] };
  readonly width: number;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly channels: number;
}

/** [batch, channels, size, size] → [batch, 1 + patches, width]: the class token, then one token for each patch, row by row. */
export function patchTokens(graph: GraphBuilder, pixels: TensorName, layout: PatchLayout): TensorName {
  const { width, channels, patchSize: patch } = layout;
  const patches = (layout.imageSize / patch) ** 2;
  const dims = [width, channels, patch, patch];
  const fanIn = channels * patch * patch;
  const kernel = graph.weight({ name: `${layout.kernel}.weight`, dims, kind: "matrix", fanIn });
  const bias = layout.kernelBias ? [graph.weight({ name: `${layout.kernel}.bias`, dims: [width], kind: "bias" })] : [];
  const strides = { kernel_shape: [patch, patch], strides: [patch, patch] };
  const grid = graph.op("Conv", [pixels, kernel, ...bias], strides);
  const rows = graph.op("Transpose", [graph.op("Reshape", [grid, graph.ints([0, width, patches])])], {
    perm: [0, 2, 1],
  });
  const classToken = graph.weight({ ...layout.classToken, kind: "embedding" });
  const batch = graph.op("Slice", [graph.op("Shape", [pixels]), graph.ints([0]), graph.ints([1])]);
  const classShape = graph.op("Concat", [batch, graph.ints([1, width])], { axis: 0 });
  return graph.op("Concat", [graph.op("Expand", [classToken, classShape]), rows], { axis: 1 });
}
