/** Compares lists of numbers of one length place by place: whether the first difference is in favour of `a`. */
export function isLess(a: readonly number[], b: readonly number[]): boolean {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}
