import type { ModelFolder } from "../../../models/index.ts";
import type { ChildMessage, MemorySource, ModelRunRequest } from "../messages.ts";

/** What a page is given to do. Everything here travels as JSON. */
export interface PageAssignment {
  readonly request: ModelRunRequest;
  /** `modelFile` is an address on the page's own server. */
  readonly model: ModelFolder;
  readonly hasReference: boolean;
  /** From the start of the browser until its page was ready. */
  readonly startedMs: number;
  readonly engine: string;
  readonly memorySource: MemorySource;
}

/** What the page cannot see itself: the memory of its browser, and what other programs take of the machine since it asked to watch. */
export type PageQuestion = "memory" | "watch_others" | "others";

/** What its opener puts into a page before it loads, and what the page offers in return. */
export interface PageBridge {
  assayTell(message: ChildMessage): Promise<void>;
  assayAsk(question: PageQuestion): Promise<number | null>;
  assayRun(assignment: PageAssignment): void;
  assayCancel(): void;
}
