import { z } from "zod";
import { libraryStates, testOutcomes } from "../contracts/index.ts";
import type { DiscoveredTest, TestEvent } from "./framework.ts";

/** What the programs that speak for frameworks say, one document per line. */

const listed = z.object({
  id: z.string().min(1),
  file: z.string(),
  line: z.int().min(1).optional(),
  together: z.string().optional(),
  tags: z.array(z.string()),
  skip: z.string().optional(),
});
const problem = z.object({ kind: z.literal("problem"), file: z.string().nullable(), message: z.string() });
const done = z.object({ kind: z.literal("done") });

/** While a program lists tests. */
export const listEvent = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("version"), version: z.string() }),
  z.object({ kind: z.literal("test"), test: listed }),
  problem,
  done,
]);

export function discoveredTest(test: z.infer<typeof listed>): DiscoveredTest {
  // Fields that are not there are not in JSON either.
  return test as DiscoveredTest;
}

const result = z.object({
  id: z.string().min(1),
  file: z.string().optional(),
  outcome: z.enum(testOutcomes),
  duration_seconds: z.number().min(0).default(0),
  message: z.string().optional(),
  output: z.string().optional(),
  retries: z.int().min(0).optional(),
  libraries: z.record(z.string(), z.enum(libraryStates)).optional(),
});

/** While it runs tests. */
export const runEvent = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  done,
  z.object({ kind: z.literal("started"), id: z.string().min(1) }),
  z.object({ kind: z.literal("finished"), result }),
  z.object({ kind: z.literal("loaded"), file: z.string(), files: z.array(z.string()) }),
  z.object({
    kind: z.literal("attachment"),
    id: z.string(),
    name: z.string(),
    path: z.string(),
    contentType: z.string(),
  }),
  problem,
]);

/** What of it is told on; undefined when the program says that it waits. */
export function testEvent(event: z.infer<typeof runEvent>): TestEvent | undefined {
  if (event.kind === "ready" || event.kind === "done") return undefined;
  // Without the fields that are not there, it is what the port says.
  return event as TestEvent;
}
