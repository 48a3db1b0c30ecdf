/** Headers of a response that goes on: no proxy may hold it back, and its connection ends with it. */
export function streamHeaders(contentType: string): Record<string, string> {
  return { "content-type": contentType, "x-accel-buffering": "no", connection: "close" };
}
