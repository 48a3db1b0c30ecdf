import { expect, test } from "vitest";
import { ServerSentEvents } from "./server-sent-events.ts";

function read(bytes: Buffer, size: number): string[] {
  const events: string[] = [];
  const reader = new ServerSentEvents((data) => events.push(data));
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  reader.end();
  return events;
}

const stream = Buffer.from(
  ": comment\r\nevent: x\r\ndata: one\r\ndata:two\r\n\r\ndata: é🙂\n\nid: 7\rdata\r\rdata:  kept space\n\n\n\ndata: never ended",
);

test("events are the same, wherever the bytes are cut", () => {
  const whole = read(stream, stream.length);
  expect(whole).toEqual(["one\ntwo", "é🙂", "", " kept space"]);
  for (let size = 1; size < 12; size++) expect(read(stream, size), `${size} bytes at a time`).toEqual(whole);
});

test("bytes that are no UTF-8 are refused", () => {
  expect(() => read(Buffer.from([0x64, 0xff, 0x0a]), 3)).toThrow("not UTF-8");
  expect(() => read(Buffer.from("data: é").subarray(0, 7), 7)).toThrow("not UTF-8");
});
