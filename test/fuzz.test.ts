import { expect, test } from "vitest";
import { fuzz } from "./fuzz/fuzz.ts";
import { fuzzSockets } from "./fuzz/socket.ts";
import { Site } from "./support/assay-process.ts";

/** Slices of `npm run fuzz`: the same seed every time. */
test("spoilt frames and API bodies crash nothing, and nothing is accepted that breaks a schema or a rule", async () => {
  const findings = await fuzz({ frames: 12_000, seed: 1 });
  const { crashes, acceptedNonsense, reports, frames, bodies, accepted, results, answered } = findings;
  expect(reports).toEqual([]);
  expect({ crashes, acceptedNonsense }).toEqual({ crashes: 0, acceptedNonsense: 0 });
  expect(frames).toBeGreaterThanOrEqual(12_000);
  expect(bodies).toBeGreaterThan(300);
  // Neither all nor nothing is refused.
  expect(accepted).toBeGreaterThan(frames / 4);
  expect(accepted).toBeLessThan(frames);
  expect(results).toBeGreaterThan(0);
  const neverWorked = Object.keys(answered).filter((operation) => !findings.hasWorked(operation));
  // A code is guessed by nobody, and only a tab with its token is told what it is.
  expect(neverWorked.toSorted()).toEqual(["getTab", "join", "none"]);
});

test("spoilt frames over real sockets leave the coordinator whole", async () => {
  await using site = await Site.open();
  const link = await site.coordinator();
  expect(await fuzzSockets(link, { frames: 1_000, seed: 3 })).toBeGreaterThanOrEqual(1_000);
  expect(await link.client.stateHash()).toMatchObject({ equal: true });
  const { code, stderr } = await link.process.stop();
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
});
