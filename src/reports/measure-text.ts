/** A measured number with three significant digits: `0.0123`, `4.56`, `78.9`, `1234`. */
export function measureText(value: number): string {
  if (!Number.isFinite(value)) return "?";
  if (Math.abs(value) >= 100 || value === 0) return String(Math.round(value));
  return Number(value.toPrecision(3)).toString();
}
