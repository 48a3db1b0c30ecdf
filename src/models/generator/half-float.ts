/**
 * The bits of the 16-bit float (IEEE 754 binary16) nearest to a number, ties to even; beyond 65504 infinity. `Float16Array` would do
 * it, but not every engine has it yet.
 */
export function halfFloatBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65_520) return sign | 0x7c00;
  // The exponent decides how far apart half floats are; below 2^-14 they are evenly spaced.
  let exponent = -14;
  while (size >= 2 ** (exponent + 1)) exponent += 1;
  const steps = roundToEven(size / 2 ** (exponent - 10));
  // Adding instead of joining lets a mantissa that rounds up carry into the exponent.
  return sign | ((exponent + 14) * 0x400 + steps);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below + (below % 2);
  return rest > 0.5 ? below + 1 : below;
}
