import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { seededRng, systemClock } from "../src/base/index.ts";
import { createClient } from "../src/client/index.ts";
import type { BatchedBlob } from "../src/contracts/index.ts";
import { HttpArtifactStore } from "../src/worker/index.ts";
import { Site } from "./support/assay-process.ts";

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const blob = (bytes: Buffer): BatchedBlob => ({ sha256: digest(bytes), bytes });

test("the files of a submitter reach a worker, through a coordinator that is killed in between", async () => {
  await using site = await Site.open();
  const link = await site.coordinator();
  const tokenOf = async (role: "submitter" | "worker"): Promise<string> =>
    (await link.client.createToken({ role, name: role })).token;
  const [submitting, working] = [await tokenOf("submitter"), await tokenOf("worker")];
  const files = Array.from({ length: 1_500 }, (_unused, index) => blob(Buffer.alloc(index % 3_000, `file ${index} `)));
  files.push(...[0, 1, 2].map((index) => blob(Buffer.alloc(2_000_000, index))), blob(Buffer.from("kept before")));
  const digests = files.map(({ sha256 }) => sha256);
  const submitter = createClient({ baseUrl: link.url, token: submitting });
  await submitter.putBlobs(files.slice(-1));
  expect(await submitter.missingBlobs(digests)).toEqual(digests.slice(0, -1));
  await submitter.putBlobs(files);
  await link.process.stop("SIGKILL");

  const { url } = await site.coordinator();
  const store = new HttpArtifactStore({ baseUrl: url, token: working, clock: systemClock, rng: seededRng(1) });
  const got: string[] = [];
  const take = async (sha256: string, bytes: Uint8Array): Promise<void> => {
    expect(digest(bytes)).toBe(sha256);
    got.push(sha256);
  };
  await store.getMany(digests, take);
  expect(got.toSorted()).toEqual(digests.toSorted());
  const gone = digest(Buffer.from("never sent"));
  await expect(store.getMany([gone, ...digests], take)).rejects.toMatchObject({
    code: "not_found",
    message: `There is no blob ${gone}`,
  });
  store.close();
  const reader = createClient({ baseUrl: url, token: submitting });
  expect(await reader.missingBlobs([gone, ...digests])).toEqual([gone]);
});
