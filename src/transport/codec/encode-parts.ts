import { AssayError } from "../../base/index.ts";
import { faultError, MAX_FRAME_BYTES, MAX_ITEMS } from "../../contracts/index.ts";
import type { Message } from "../connection.ts";
import { MAX_DEPTH } from "../limits.ts";
import type { FrameCodec } from "./codec.ts";
import type { FrameFault } from "./frame-fault.ts";
import { measure } from "./measure.ts";

/** How full a frame is made by estimate: text that is not ASCII needs more than its length says. */
const FILL_BYTES = MAX_FRAME_BYTES * 0.75;

/**
 * Encodes a frame as one or more messages numbered from `firstN`: a list that is too long or too large for one frame goes out
 * in several, in order. All or nothing: throws an AssayError, `frame_too_large` or `bad_frame`, when any part cannot be sent;
 * for an item of a list, `details` holds its `path` and its `lease_seq`.
 */
export function encodeParts<Out extends object>(
  codec: FrameCodec<unknown, Out>,
  frame: Out,
  firstN: number,
): Message[] {
  const items = itemsOf(frame);
  if (items === null) {
    const message = codec.encode(frame, firstN);
    if (!message.ok) throw faultError(message.error);
    return [message.value];
  }
  if (items.length <= MAX_ITEMS) {
    const whole = codec.encode(frame, firstN);
    if (whole.ok) return [whole.value];
  }
  const messages: Message[] = [];
  const emit = (from: number, to: number): void => {
    const part = from === 0 && to === items.length ? frame : { ...frame, items: items.slice(from, to) };
    const message = codec.encode(part, firstN + messages.length);
    if (message.ok) {
      messages.push(message.value);
    } else if (to - from === 1) {
      throw itemError(message.error, { index: from, item: items[from] });
    } else {
      const middle = (from + to) >> 1;
      emit(from, middle);
      emit(middle, to);
    }
  };
  for (const [from, to] of slices(items)) emit(from, to);
  return messages;
}

function itemsOf(frame: object): readonly unknown[] | null {
  return "items" in frame && Array.isArray(frame.items) && frame.items.length > 0 ? frame.items : null;
}

/** Ranges of items that should fit one frame each. */
function slices(items: readonly unknown[]): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  let from = 0;
  let bytes = 0;
  for (const [index, item] of items.entries()) {
    const size = measure(item, MAX_DEPTH).bytes;
    if (index > from && (index - from === MAX_ITEMS || bytes + size > FILL_BYTES)) {
      ranges.push([from, index]);
      from = index;
      bytes = 0;
    }
    bytes += size;
  }
  ranges.push([from, items.length]);
  return ranges;
}

function itemError(problem: FrameFault, at: { index: number; item: unknown }): AssayError {
  const leaseSeq = typeof at.item === "object" && at.item !== null ? Reflect.get(at.item, "lease_seq") : undefined;
  return new AssayError(problem.code, {
    message: `items[${at.index}], lease ${String(leaseSeq)}: ${problem.message}`,
    next: problem.next,
    details: { path: `items[${at.index}]`, lease_seq: leaseSeq },
  });
}
