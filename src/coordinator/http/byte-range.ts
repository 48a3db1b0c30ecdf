import type { ByteRange } from "../blobs/blob-store.ts";

/**
 * What a `Range` header asks for: one range of bytes; `whole` when there is none or it is of a kind that need not be
 * honoured; `unsatisfiable` when it lies beyond the end.
 */
export function requestedRange(header: string | undefined, sizeBytes: number): ByteRange | "whole" | "unsatisfiable" {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null) return "whole";
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return "whole";
  // "-500" means the last 500 bytes.
  const first = from === "" ? Math.max(0, sizeBytes - Number(to)) : Number(from);
  const last = from === "" || to === "" ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (from !== "" && to !== "" && Number(to) < first) return "whole";
  return first < sizeBytes ? { first, last } : "unsatisfiable";
}
