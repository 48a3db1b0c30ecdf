import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { z } from "zod";
import { canonicalJson } from "../base/index.ts";
import { coordinatorFrame, workerFrame } from "./frames.ts";
import { PROTOCOL_VERSION } from "./version.ts";

/** The wire schemas of each protocol version, as a digest. Published versions never change. */
const recorded: Readonly<Record<number, string>> = {
  1: "079fe448bb56d3dd4b504eb515a1e4366db3e03401600d305ce5a4d8a847e200",
  2: "b27084c54f35231440b096e20cf079084ca5b9e9ad60854bb2a9c306d1d298dd",
  3: "c04877fe83be7299247f70678c92e546d953ddebecf1e86f303179a3ffd16b37",
  4: "676bafa08954a85ec5a5c25067167644d04824a0ff1a51eddfe7ea0d560438c3",
  5: "6914238329f1a82490f9651cef37c5a1b0a500ee9f99c82dcce00e93a852f946",
};

/** JSON Schema of what goes over the wire, without the descriptions for people. */
function wireSchema(schema: z.ZodType): unknown {
  const document: unknown = z.toJSONSchema(schema, { io: "input", unrepresentable: "throw" });
  return JSON.parse(
    JSON.stringify(document, (key, value: unknown) =>
      key === "description" && typeof value === "string" ? undefined : value,
    ),
  );
}

test("the frames on the wire are those of this protocol version", () => {
  const text = canonicalJson([wireSchema(workerFrame), wireSchema(coordinatorFrame)]);
  const digest = createHash("sha256").update(text).digest("hex");
  const help =
    "The frames changed. Workers and coordinators of other versions would misunderstand each other: raise PROTOCOL_VERSION, " +
    `add a line to its history in version.ts, bring PROTOCOL.md up to date, and record the new digest here: ${digest}`;
  expect(recorded[PROTOCOL_VERSION], help).toBe(digest);
});
