import { fault } from "../../contracts/index.ts";
import type { Fault } from "../../contracts/index.ts";

/** What can be wrong with a frame; each code is also a reason to close the session. */
export interface FrameFault extends Fault {
  code: "bad_frame" | "frame_too_large" | "out_of_order" | "protocol_version";
}

/** Makes a fault about a frame; `path` is the field at fault. */
export function frameFault(code: FrameFault["code"], message: string, path?: string): FrameFault {
  return { ...fault(code, message, path === undefined ? {} : { path }), code };
}
