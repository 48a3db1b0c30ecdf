import { expect, test } from "vitest";
import { stealMs } from "./steal-time.ts";

test("the time that the host gave to others is the eighth number", () => {
  expect(stealMs("cpu  4981533 32330 897631 2605078 16749 0 16134 20077 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")).toBe(
    200_770,
  );
});

test.each(["", "cpu  1 2 3 4", undefined])("it is 0 where %j does not tell", (stat) => {
  expect(stealMs(stat ?? "nothing")).toBe(0);
});
