import { z } from "zod";
import { identifier } from "./task.ts";
import { frameworkName, relativePath, testId } from "./tests.ts";
import type { FrameworkName } from "./tests.ts";

/** A coordinator keeps so many. */
export const MAX_MUTES = 1_000;
/** The evidence about a muted test is of so many of the last times that it ran. */
export const MUTE_WINDOW = 100;

/** A test as results name it: ids are only distinct within a suite. */
export interface TestName {
  framework: FrameworkName;
  /** Of the suite, in its project. */
  directory: string;
  testId: string;
}

export const muteRequest = z.strictObject({
  framework: frameworkName,
  directory: relativePath.default("."),
  test_id: testId,
  reason: z.string().trim().min(1).max(500),
  owner: z.string().trim().min(1).max(200).optional().describe("Who sees to it; default: who mutes it"),
  until: z.iso.datetime().nullable().default(null).describe("When it ends by itself"),
});
export type MuteRequest = z.infer<typeof muteRequest>;
export type MuteRequestInput = z.input<typeof muteRequest>;

/** A test that runs and never fails a run. */
export const mute = z.strictObject({
  mute_id: identifier,
  framework: frameworkName,
  directory: z.string(),
  test_id: z.string(),
  owner: z.string(),
  reason: z.string(),
  muted_by: z.string(),
  since: z.iso.datetime(),
  until: z.iso.datetime().nullable(),
});
export type Mute = z.infer<typeof mute>;

export const testEvidence = z
  .strictObject({
    runs: z.int().describe("Times that it passed or did not"),
    passes: z.int().describe("Tries that passed"),
    failures: z.int().describe("Tries that did not, retries counted"),
    flaky_probability: z.number(),
  })
  .describe(`Of the last ${MUTE_WINDOW} times that it ran since it was muted`);
export type TestEvidence = z.infer<typeof testEvidence>;

/** What a muted test has shown. */
export interface MutedEvidence {
  muteId: string;
  evidence: TestEvidence;
}

export const muteView = mute.extend({ evidence: testEvidence });
export type MuteView = z.infer<typeof muteView>;
export const mutesResponse = z.strictObject({ items: z.array(muteView) });
