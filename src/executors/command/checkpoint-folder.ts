import { mkdir, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { JsonValue } from "../../base/index.ts";
import { errorMessage } from "../../base/index.ts";
import type { ExecutionContext } from "../executor.ts";
import type { CarriedProgress } from "./carried-progress.ts";
import type { CheckpointListing } from "./checkpoint-listing.ts";
import { listCheckpoint, READY_MARKER, UNFINISHED_SUFFIX } from "./checkpoint-listing.ts";
import { RegularLook } from "../regular-look.ts";
import { runHelper } from "../run-helper.ts";

const LOOK_INTERVAL_MS = 1_000;
/** Storing may take long; so many times that long nothing more is stored. */
const REST_FACTOR = 5;
/** Content above this is not stored. A coordinator takes blobs of up to 1 GiB. */
export const MAX_CHECKPOINT_BYTES = 1_000_000_000;

export interface CheckpointPlace {
  folder: string;
  /** Where the archive is put while it is on its way; outside of what the attempt may fill. */
  archive: string;
}

/**
 * The folder in which a command keeps what its next attempt needs, beyond what a progress file holds. It is stored as one archive
 * whenever it has changed and is complete: while the command runs, and once more when it did not come to its end.
 */
export class CheckpointFolder {
  private readonly place: CheckpointPlace;
  private readonly context: ExecutionContext;
  private readonly carried: CarriedProgress;
  private restored: string | null = null;
  private stored: string | null = null;
  private problem: string | null = null;
  /** The content that is stored, or was restored. */
  private known = "";
  private seen = "";
  private restUntilMs = 0;
  private looks: RegularLook | undefined;

  private constructor(place: CheckpointPlace, context: ExecutionContext, carried: CarriedProgress) {
    this.place = place;
    this.context = context;
    this.carried = carried;
  }

  /** Makes the folder, with what the attempt before left in it. A checkpoint that cannot be had is a loss, not a failure. */
  static async create(
    place: CheckpointPlace,
    context: ExecutionContext,
    carried: CarriedProgress,
  ): Promise<CheckpointFolder> {
    const made = new CheckpointFolder(place, context, carried);
    await mkdir(place.folder, { recursive: true });
    if (carried.checkpoint !== null) await made.restore(carried.checkpoint.sha256);
    made.looks = new RegularLook({
      clock: context.clock,
      intervalMs: LOOK_INTERVAL_MS,
      look: () => made.look({ final: false }),
    });
    return made;
  }

  /** Stops looking; with `store` after a last look. A second call does nothing. */
  async close({ store }: { store: boolean }): Promise<void> {
    if (this.looks?.stopped === true) return;
    await this.looks?.stop();
    if (store) await this.look({ final: true });
  }

  /** What became of it, for the result; undefined when there was nothing. */
  summary(): Record<string, JsonValue> | undefined {
    const { restored, stored, problem } = this;
    return restored === null && stored === null && problem === null ? undefined : { restored, stored, problem };
  }

  private async restore(sha256: string): Promise<void> {
    const { folder, archive } = this.place;
    try {
      await this.context.fetchBlob(sha256, archive);
      await this.tar(["-xf", archive, "--no-same-owner", "-C", folder]);
      // It must be the newest again: archives are unpacked in any order.
      const now = new Date(this.context.clock.nowMs());
      await utimes(join(folder, READY_MARKER), now, now).catch(() => undefined);
      this.known = (await listCheckpoint(folder)).fingerprint;
      this.restored = sha256;
    } catch (error) {
      // Half of it would be worse than nothing.
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      this.complain(`could not be restored, so the attempt starts from the beginning: ${errorMessage(error)}`);
    } finally {
      await rm(archive, { force: true });
    }
  }

  private async look({ final }: { final: boolean }): Promise<void> {
    try {
      const listing = await listCheckpoint(this.place.folder);
      const steady = listing.fingerprint === this.seen;
      this.seen = listing.fingerprint;
      if (listing.files === 0 || listing.fingerprint === this.known) return;
      if (listing.ready === false) {
        if (final) this.complain(`was changed after its ${READY_MARKER}: the one stored before counts`);
        return;
      }
      const resting = this.context.clock.monotonicMs() < this.restUntilMs;
      if (!final && (resting || (listing.ready === undefined && !steady))) return;
      await this.store(listing);
    } catch (error) {
      this.complain(`is not stored: ${errorMessage(error)}`);
    }
  }

  private async store({ fingerprint, bytes }: CheckpointListing): Promise<void> {
    const { folder, archive } = this.place;
    if (bytes > MAX_CHECKPOINT_BYTES)
      throw new Error(`it has ${bytes} bytes, more than the limit of ${MAX_CHECKPOINT_BYTES}`);
    const { clock } = this.context;
    const startedMs = clock.monotonicMs();
    try {
      await this.tar(["-cf", archive, `--exclude=*${UNFINISHED_SUFFIX}`, "-C", folder, "."]);
      // Written to while it was copied: the copy may be half of each, and the next look takes another.
      if ((await listCheckpoint(folder)).fingerprint !== fingerprint) return;
      const blob = await this.context.saveBlob({ path: archive });
      // Only what is safe is told of.
      this.carried.setCheckpoint(blob);
      this.known = fingerprint;
      this.stored = blob.sha256;
      this.problem = null;
    } finally {
      await rm(archive, { force: true });
      const nowMs = clock.monotonicMs();
      this.restUntilMs = nowMs + (nowMs - startedMs) * REST_FACTOR;
    }
  }

  private async tar(args: readonly string[]): Promise<void> {
    const { problem } = await runHelper(["tar", ...args], { env: { PATH: this.context.env["PATH"], LC_ALL: "C" } });
    if (problem !== undefined) throw new Error(problem);
  }

  private complain(problem: string): void {
    if (problem !== this.problem) this.context.log("stderr", `[the checkpoint ${problem}]\n`);
    this.problem = problem;
  }
}
