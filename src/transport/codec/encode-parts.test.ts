import { describe, expect, test } from "vitest";
import { MAX_FRAME_BYTES, MAX_ITEMS, SUBPROTOCOLS } from "../../contracts/index.ts";
import type { FinishedItem, WorkerFrameOf } from "../../contracts/index.ts";
import { coordinatorCodec, workerCodec } from "./codec.ts";
import { encodeParts } from "./encode-parts.ts";
import { messageBytes } from "./message-size.ts";

const finishedItem = (leaseSeq: number, logs: string): FinishedItem => ({
  lease_seq: leaseSeq,
  run_id: "run-1",
  attempt: 1,
  started_at_ms: 1,
  finished_at_ms: 2,
  result: {
    task_id: `task-${leaseSeq}`,
    worker_id: "worker-1",
    status: "completed",
    execution_time_seconds: 0.1,
    hardware_metrics: {},
    results: {},
    simulation_status: { is_simulated: false },
    logs,
    recovery: [],
    metrics: [],
    artifacts: [],
  },
});

const finished = (count: number, logs: string): WorkerFrameOf<"finished"> => ({
  type: "finished",
  items: Array.from({ length: count }, (_, index) => finishedItem(index + 1, logs)),
});

describe.each(SUBPROTOCOLS)("%s", (subprotocol) => {
  const codec = workerCodec(subprotocol);
  const reader = coordinatorCodec(subprotocol);

  test.each([
    { name: "few small results", frame: finished(3, ""), most: 1 },
    { name: "as many as one frame takes", frame: finished(MAX_ITEMS, ""), most: 1 },
    { name: "one more than that", frame: finished(MAX_ITEMS + 1, ""), most: 2 },
    { name: "results of 64 KiB", frame: finished(100, "x".repeat(64 * 1024)), most: 10 },
    { name: "results of 64 Ki characters with three bytes each", frame: finished(40, "€".repeat(64 * 1024)), most: 16 },
    {
      name: "a large result among small ones",
      frame: {
        ...finished(9, ""),
        items: [...finished(4, "").items, finishedItem(5, "x".repeat(60_000)), ...finished(4, "").items],
      },
      most: 1,
    },
  ])("$name arrive whole and in order, in at most $most frames", ({ frame, most }) => {
    const messages = encodeParts(codec, frame, 11);
    expect(messages.length).toBeLessThanOrEqual(most);
    const items = messages.flatMap((message, index) => {
      expect(messageBytes(message)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
      const part = reader.decode(message, 11 + index);
      if (!part.ok || part.value.type !== "finished") throw new Error("expected a part of the list");
      expect(part.value.items.length).toBeLessThanOrEqual(MAX_ITEMS);
      return part.value.items;
    });
    expect(items).toEqual(frame.items);
  });

  test("an item that no frame can hold stops all of them, and is named", () => {
    const huge = finishedItem(77, "x".repeat(MAX_FRAME_BYTES));
    for (const items of [[huge], [...finished(600, "").items, huge, finishedItem(78, "")]]) {
      expect(() => encodeParts(codec, { type: "finished", items }, 1)).toThrow(
        expect.objectContaining({
          code: "frame_too_large",
          message: expect.stringContaining("lease 77") as string,
          details: { path: `items[${items.length === 1 ? 0 : 600}]`, lease_seq: 77 },
        }),
      );
    }
  });

  test("a frame without a list goes out as it is", () => {
    expect(encodeParts(codec, { type: "goodbye", reason: "x" }, 4)).toEqual([expect.anything()]);
    const text = "x".repeat(MAX_FRAME_BYTES);
    expect(() => encodeParts(codec, { type: "log", lease_seq: 1, stream: "stdout", text }, 1)).toThrow(
      expect.objectContaining({ code: "frame_too_large" }),
    );
  });
});
