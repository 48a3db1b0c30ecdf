import type { ModelFolder } from "../../../models/index.ts";
import type { CpuUse } from "../inference-host.ts";
import type { ChildMessage, MemorySource, ModelRunRequest } from "../messages.ts";

/** What a page is given to do. Everything here travels as JSON. */
export interface PageAssignment {
  readonly request: ModelRunRequest;
  /** Its files are addresses on the page's own server. */
  readonly model: ModelFolder;
  readonly hasReference: boolean;
  /** From the start of the browser until its page was ready. */
  readonly startedMs: number;
  readonly engine: string;
  readonly memorySource: MemorySource;
}

/** What its opener puts into a page before it loads, and what the page offers in return. */
export interface PageBridge {
  assayTell(message: ChildMessage): Promise<void>;
  /** What the page cannot see itself: the memory of its browser … */
  assayMemory(): Promise<number | null>;
  /** … and what is used of the processor, from here … */
  assayWatchCpu(): Promise<void>;
  /** … until now. */
  assayCpuUse(): Promise<CpuUse>;
  assayRun(assignment: PageAssignment): void;
}
