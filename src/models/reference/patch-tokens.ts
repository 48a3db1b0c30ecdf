import { matrix } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";

interface ImageSizes {
  readonly image_size: number;
  readonly patch_size: number;
  readonly num_channels: number;
}

/**
 * The class token, then one token per patch of an image [channels, size, size]: kernel · pixels + bias, the convolution written out. The
 * kernel is stored [width, channels, patch, patch].
 */
export function patchTokens(
  sizes: ImageSizes,
  pixels: ArrayLike<number>,
  weights: { readonly kernel: Float64Array; readonly bias?: Float64Array; readonly classToken: Float64Array },
): Matrix {
  const width = weights.classToken.length;
  const side = sizes.image_size / sizes.patch_size;
  const tokens = matrix(side * side + 1, width);
  tokens.data.set(weights.classToken);
  for (let patch = 0; patch < side * side; patch += 1) {
    const corner = { top: Math.floor(patch / side) * sizes.patch_size, left: (patch % side) * sizes.patch_size };
    for (let channel = 0; channel < width; channel += 1) {
      const sum = convolveAt(sizes, pixels, { kernel: weights.kernel, corner, channel });
      tokens.data[(patch + 1) * width + channel] = sum + (weights.bias?.[channel] ?? 0);
    }
  }
  return tokens;
}

function convolveAt(
  sizes: ImageSizes,
  pixels: ArrayLike<number>,
  at: {
    readonly kernel: Float64Array;
    readonly corner: { readonly top: number; readonly left: number };
    readonly channel: number;
  },
): number {
  const { image_size: size, patch_size: patch, num_channels: channels } = sizes;
  let sum = 0;
  for (let input = 0; input < channels; input += 1) {
    for (let y = 0; y < patch; y += 1) {
      for (let x = 0; x < patch; x += 1) {
        const weight = at.kernel[((at.channel * channels + input) * patch + y) * patch + x] as number;
        sum += weight * (pixels[(input * size + at.corner.top + y) * size + at.corner.left + x] as number);
      }
    }
  }
  return sum;
}
