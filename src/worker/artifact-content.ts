import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { TransformCallback } from "node:stream";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ArtifactSource, StoredBlob } from "../executors/index.ts";

export function readSource(source: ArtifactSource): Readable {
  return "path" in source ? createReadStream(source.path) : Readable.from([source.bytes], { objectMode: false });
}

/** Passes content on as it is, and knows at its end what it was. */
export class Digesting extends Transform {
  private readonly hash = createHash("sha256");
  private sizeBytes = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.hash.update(chunk);
    this.sizeBytes += chunk.length;
    done(null, chunk);
  }

  /** To be asked once, when all has passed. */
  result(): StoredBlob {
    return { sha256: this.hash.digest("hex"), sizeBytes: this.sizeBytes };
  }
}

/** What a source holds. */
export async function digest(source: ArtifactSource): Promise<StoredBlob> {
  const digesting = new Digesting();
  await pipeline(readSource(source), digesting.resume());
  return digesting.result();
}
