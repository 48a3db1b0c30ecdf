import type { ModelConfig } from "../contracts/index.ts";

export type Precision = ModelConfig["precision"];

/**
 * Where exporters put the ONNX file of each precision, the usual place first. Encoder-decoders that are exported in parts are
 * measured by their encoder, which needs nothing that only its decoder has.
 */
const onnxFileNames: Readonly<Record<Precision, readonly string[]>> = {
  fp32: [
    ...["onnx/model.onnx", "model.onnx", "onnx/encoder_model.onnx", "encoder_model.onnx"],
    ...["onnx/decoder_model_merged.onnx", "decoder_model_merged.onnx"],
  ],
  fp16: ["onnx/model_fp16.onnx", "onnx/encoder_model_fp16.onnx", "onnx/decoder_model_merged_fp16.onnx"],
  bf16: ["onnx/model_bf16.onnx"],
  int8: [
    ...["onnx/model_int8.onnx", "onnx/model_quantized.onnx", "onnx/encoder_model_int8.onnx"],
    ...["onnx/encoder_model_quantized.onnx", "onnx/decoder_model_merged_quantized.onnx"],
  ],
  q4: ["onnx/model_q4.onnx", "onnx/encoder_model_q4.onnx", "onnx/decoder_model_merged_q4.onnx"],
};

/** Paths inside a model folder where the ONNX file of a precision may be, with `/`. */
export function onnxCandidates(precision: Precision): readonly [string, ...string[]] {
  return onnxFileNames[precision] as readonly [string, ...string[]];
}
