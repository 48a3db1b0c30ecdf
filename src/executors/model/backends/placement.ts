/** Which operators each execution provider ran, and how many nodes of each, by the provider's name in the runtime. */
export type Placement = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Counts nodes as they are told of, one by one. */
export class PlacementCount {
  private readonly counts: Record<string, Record<string, number>> = {};

  add(provider: string, operator: string, nodes = 1): void {
    const operators = (this.counts[provider] ??= {});
    operators[operator] = (operators[operator] ?? 0) + nodes;
  }

  get placement(): Placement {
    return this.counts;
  }
}

/** Copies between providers are no work of a model. */
const isCopy = (operator: string): boolean => operator.startsWith("Memcpy");

export function nodesOf(operators: Placement[string]): number {
  return Object.entries(operators).reduce((sum, [operator, nodes]) => sum + (isCopy(operator) ? 0 : nodes), 0);
}

/** As ONNX has the names. */
const HEAVY = /MatMul|Gemm|Conv|Attention|LSTM|GRU/;
/** As PyTorch has them: `linear`, `baddbmm`, `mkldnn_convolution`, `_scaled_dot_product_flash_attention`. */
const HEAVY_IN_TORCH =
  /^(linear|einsum|v?dot|\w*(mm|mv|matmul)|\w*conv(\dd|olution|_)\w*|\w*(attention|lstm|gru|rnn)\w*)$/;

/** Operators that are nearly all of a model's work: where they run, the model runs, however many small ones run elsewhere. */
export const isHeavy = (operator: string): boolean => HEAVY.test(operator) || HEAVY_IN_TORCH.test(operator);
