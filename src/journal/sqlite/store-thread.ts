import { Worker } from "node:worker_threads";

import { type AssayError, errorMessage, siblingModule } from "../../base/index.ts";
import { assayError, faultError } from "../../contracts/index.ts";
import type { StoreCallName, StoreInput, StoreOutput, StoreReply } from "./store-calls.ts";

/** The near side of the journal's thread: one message for each call, answered in order. */
export class StoreThread {
  private readonly worker = new Worker(siblingModule(import.meta.url, "journal-thread"), { name: "assay journal" });
  private readonly waiting = new Map<number, PromiseWithResolvers<unknown>>();
  private readonly exited = Promise.withResolvers<void>();
  private nextId = 1;
  private death: AssayError | undefined;

  constructor() {
    this.worker.on("message", (reply: StoreReply) => this.settle(reply));
    this.worker.on("error", (error) => this.end(errorMessage(error)));
    this.worker.on("exit", (code) => {
      this.end(`it exited with code ${code}`);
      this.exited.resolve();
    });
  }

  /** Rejects with what the store threw, or AssayError `journal_unavailable` when the thread has ended. */
  call<Name extends StoreCallName>(
    call: Name,
    input: StoreInput<Name>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<StoreOutput<Name>> {
    if (this.death !== undefined) return Promise.reject(this.death);
    const id = this.nextId;
    this.nextId += 1;
    const reply = Promise.withResolvers<unknown>();
    this.waiting.set(id, reply);
    this.worker.postMessage({ id, call, input }, transfer);
    // The thread answers each call with that call's output.
    return reply.promise as Promise<StoreOutput<Name>>;
  }

  /** Settles once the thread is gone. */
  async stop(): Promise<void> {
    await this.worker.terminate();
    await this.exited.promise;
  }

  private settle(reply: StoreReply): void {
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if ("fault" in reply) waiting?.reject(faultError(reply.fault));
    else waiting?.resolve(reply.output);
  }

  private end(reason: string): void {
    this.death ??= assayError("journal_unavailable", `The journal's thread has ended: ${reason}.`);
    for (const reply of this.waiting.values()) reply.reject(this.death);
    this.waiting.clear();
  }
}
