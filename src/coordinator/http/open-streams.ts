import type { ServerResponse } from "node:http";
import { assayError } from "../../contracts/index.ts";

/** The responses that go on until somebody ends them: counted, and ended when the server stops. */
export class OpenStreams {
  private readonly limit: number;
  private readonly open = new Set<AbortController>();
  private stopping = false;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.open.size;
  }

  /** True from the moment the server begins to stop. */
  get closed(): boolean {
    return this.stopping;
  }

  /**
   * Takes a place for a response. The signal fires when the connection is gone, the response is complete, or the server stops.
   *
   * @throws AssayError `rate_limited` when all places are taken, `shutting_down`
   */
  enter(response: ServerResponse): AbortSignal {
    if (this.stopping) throw assayError("shutting_down", "The coordinator is stopping");
    if (this.open.size >= this.limit)
      throw assayError("rate_limited", `All ${this.limit} streams of this coordinator are in use`);
    const controller = new AbortController();
    this.open.add(controller);
    response.once("close", () => {
      this.open.delete(controller);
      controller.abort();
    });
    return controller.signal;
  }

  closeAll(): void {
    this.stopping = true;
    for (const controller of this.open) controller.abort();
  }
}
