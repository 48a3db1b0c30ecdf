import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { aborted, processInterrupts } from "./interrupts.ts";

describe("processInterrupts", () => {
  it("asks first and aborts at the second signal", async () => {
    const source = new EventEmitter();
    const aborts: number[] = [];
    const interrupts = processInterrupts(source, (code) => aborts.push(code));
    const first = aborted(interrupts.signal);
    source.emit("SIGINT", "SIGINT");
    await first;
    expect([interrupts.exitCode, aborts]).toEqual([130, []]);
    source.emit("SIGINT", "SIGINT");
    expect(aborts).toEqual([130]);
    interrupts[Symbol.dispose]();
    expect(source.eventNames()).toEqual([]);
  });

  it("tells a termination from Ctrl-C", () => {
    const source = new EventEmitter();
    using interrupts = processInterrupts(source, () => undefined);
    source.emit("SIGTERM", "SIGTERM");
    expect(interrupts.exitCode).toBe(143);
  });
});
