import { expect, test } from "vitest";
import { workerCommandItem, workerCommandRequest } from "./worker-command.ts";

test.each([workerCommandItem, workerCommandRequest])("a version belongs to update, and only to it", (schema) => {
  const takes = (command: object): boolean => schema.safeParse({ command_id: "c", reason: "x", ...command }).success;
  expect(takes({ action: "update", version: "1.2.3" })).toBe(true);
  expect(takes({ action: "update" })).toBe(false);
  expect(takes({ action: "stop", version: "1.2.3" })).toBe(false);
  expect(takes({ action: "stop" })).toBe(true);
});
