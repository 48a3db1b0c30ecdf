import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  ackVerdicts,
  closeReasons,
  coordinatorFrame,
  HELLO_TIMEOUT_MS,
  MAX_FRAME_BYTES,
  MAX_ITEMS,
  PROTOCOL_VERSION,
  SUBPROTOCOLS,
  workerFrame,
} from "../contracts/index.ts";
import { coordinatorCodec, workerCodec } from "./codec/codec.ts";
import * as limits from "./limits.ts";

const document = readFileSync(new URL("../../PROTOCOL.md", import.meta.url), "utf8");
const [fromWorkers = "", fromCoordinators = ""] = document.split("### From coordinator to worker");

const examples = (text: string): string[] => [...text.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = ""]) => json);
const typeOf = (json: string): string => (JSON.parse(json) as { type: string }).type;
const nOf = (json: string): number => (JSON.parse(json) as { n: number }).n;

/** The rows of all tables, cells without their backquotes. */
const rows = document
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );

const typesOf = (schema: typeof workerFrame | typeof coordinatorFrame): string[] =>
  schema.options.flatMap((option) => [...option.shape.type.values]);

describe("PROTOCOL.md", () => {
  test("has one valid example of every frame", () => {
    const reader = coordinatorCodec("assay.v1+json");
    const worker = examples(fromWorkers);
    expect(worker.map(typeOf)).toEqual(typesOf(workerFrame));
    for (const json of worker) expect(reader.decode(json, nOf(json))).toMatchObject({ ok: true });
    const coordinator = examples(fromCoordinators);
    expect(coordinator.map(typeOf)).toEqual(typesOf(coordinatorFrame));
    for (const json of coordinator)
      expect(workerCodec("assay.v1+json").decode(json, nOf(json))).toMatchObject({ ok: true });
  });

  test("lists every close code", () => {
    const listed = rows
      .filter(([code = ""]) => /^[14]\d{3}$/.test(code))
      .map(([code, reason]) => [Number(code), reason]);
    expect(listed).toEqual(Object.entries(closeReasons).map(([reason, { code }]) => [code, reason]));
  });

  test.each([
    ["message", MAX_FRAME_BYTES],
    ["nesting", limits.MAX_DEPTH],
    ["items in one frame", MAX_ITEMS],
    ["time until hello", HELLO_TIMEOUT_MS],
    ["time until welcome, SHOULD", limits.WELCOME_TIMEOUT_MS],
    ["frames from one worker per second", limits.FRAMES_PER_SECOND],
    ["frames from one worker at once", limits.FRAME_BURST],
    ["unsent bytes: pause", limits.PAUSE_BYTES],
    ["unsent bytes: go on", limits.RESUME_BYTES],
    ["unsent bytes: stuck", limits.STUCK_BYTES],
    ["stuck for", limits.STUCK_MS],
    ["answer to a close", limits.CLOSE_GRACE_MS],
    ["text of a close", limits.MAX_CLOSE_TEXT_BYTES],
  ])("names the limit: %s", (name, value) => {
    const found = rows.find(([cell]) => cell === name)?.[1] ?? "";
    expect(Number(found.replaceAll(",", "").split(" ")[0])).toBe(value);
  });

  test("names the version, the subprotocols and the verdicts", () => {
    expect(document).toContain(`protocol version ${PROTOCOL_VERSION}\n`);
    const firstCells = rows.map(([cell]) => cell);
    expect(firstCells).toEqual(expect.arrayContaining([...SUBPROTOCOLS, ...ackVerdicts, String(PROTOCOL_VERSION)]));
  });
});
