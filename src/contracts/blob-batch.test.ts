import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import {
  batchedBytes,
  type BatchedBlob,
  decodeBlobBatch,
  encodeBlobBatch,
  MAX_BATCH_BLOBS,
  MAX_BATCH_BYTES,
  MAX_BATCHED_BLOB_BYTES,
} from "./blob-batch.ts";

const blob = (content: string | Uint8Array): BatchedBlob => {
  const bytes = new Uint8Array(Buffer.from(content));
  return { sha256: createHash("sha256").update(bytes).digest("hex"), bytes };
};

async function* inChunks(batch: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < batch.length; start += size) yield batch.subarray(start, start + size);
}
const decode = (batch: Uint8Array, size = 1 << 16): Promise<BatchedBlob[]> =>
  Readable.from(decodeBlobBatch(inChunks(batch, size))).toArray();

describe("a batch of blobs", () => {
  const blobs = ["", "first", "\u0000 second", "", "the third, which is the longest of them all by far", ""].map(blob);

  test("has a fixed form", () => {
    expect(Buffer.from(encodeBlobBatch([blob("ab")])).toString("hex")).toBe(
      `${createHash("sha256").update("ab").digest("hex")}00000002${Buffer.from("ab").toString("hex")}`,
    );
    expect(encodeBlobBatch([])).toHaveLength(0);
    expect(encodeBlobBatch(blobs)).toHaveLength(blobs.reduce((sum, { bytes }) => sum + batchedBytes(bytes.length), 0));
  });

  test("comes back wherever its chunks end, and batches joined are one", async () => {
    const batch = encodeBlobBatch(blobs);
    for (let size = 1; size <= batch.length; size += 1) expect(await decode(batch, size)).toEqual(blobs);
    expect(await decode(Buffer.concat([batch, batch]), 11)).toEqual([...blobs, ...blobs]);
    expect(await decode(new Uint8Array())).toEqual([]);
  });

  test("gives blobs as soon as they are whole, as copies", async () => {
    const batch = encodeBlobBatch([blob("now"), blob(""), blob("later")]);
    const chunk = batch.slice(0, batchedBytes(3) + batchedBytes(0));
    const coming = decodeBlobBatch(
      (async function* () {
        yield chunk;
        throw new Error("the connection is gone");
      })(),
    );
    const now = await coming.next();
    expect(now.value).toEqual(blob("now"));
    expect((await coming.next()).value).toEqual(blob(""));
    chunk.fill(0);
    expect(now.value).toEqual(blob("now"));
    await expect(coming.next()).rejects.toThrow("the connection is gone");
  });

  test("that breaks off anywhere within a blob is refused, with what came before it", async () => {
    const batch = encodeBlobBatch([blob("one"), blob("two")]);
    for (let length = 1; length < batch.length; length += 1) {
      const whole: BatchedBlob[] = [];
      const reading = (async () => {
        for await (const read of decodeBlobBatch(inChunks(batch.subarray(0, length), 7))) whole.push(read);
      })();
      if (length === batchedBytes(3)) await reading;
      else await expect(reading).rejects.toMatchObject({ code: "bad_blob_batch" });
      expect(whole).toEqual(length < batchedBytes(3) ? [] : [blob("one")]);
    }
  });

  test("is taken up to its limits and not beyond them", async () => {
    const largest = blob(new Uint8Array(MAX_BATCHED_BLOB_BYTES));
    const fits = Math.floor(MAX_BATCH_BYTES / batchedBytes(MAX_BATCHED_BLOB_BYTES));
    expect(await decode(encodeBlobBatch(Array.from({ length: fits }, () => largest)))).toHaveLength(fits);
    const tooMuch = encodeBlobBatch(Array.from({ length: fits + 1 }, () => largest));
    await expect(decode(tooMuch)).rejects.toMatchObject({
      code: "bad_blob_batch",
      message: expect.stringContaining("bytes"),
    });
    const many = encodeBlobBatch(Array.from({ length: MAX_BATCH_BLOBS }, () => blob("")));
    expect(await decode(many)).toHaveLength(MAX_BATCH_BLOBS);
    await expect(decode(Buffer.concat([many, encodeBlobBatch([blob("")])]))).rejects.toMatchObject({
      code: "bad_blob_batch",
      message: expect.stringContaining("blobs"),
    });
    const tooLarge = blob(new Uint8Array(MAX_BATCHED_BLOB_BYTES + 1));
    // Refused by what its header says: nothing of it is read, nor room made for it.
    const header = encodeBlobBatch([tooLarge]).subarray(0, batchedBytes(0));
    await expect(decode(header)).rejects.toMatchObject({
      code: "blob_too_large",
      message: expect.stringContaining(tooLarge.sha256),
    });
    await expect(decode(new Uint8Array(batchedBytes(0)).fill(255))).rejects.toMatchObject({ code: "blob_too_large" });
  });
});
