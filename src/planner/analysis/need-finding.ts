import type { Labels, Requirements, Resources } from "../../contracts/index.ts";

/** How sure it is. `certain`: without it the test says itself that it does not run. */
export type Confidence = "certain" | "likely" | "possible";

/** What showed a need. */
export type NeedKind = "skip_condition" | "marker" | "parameter" | "import" | "device" | "call";

/** Something that tests need, by their text. */
export interface NeedFinding {
  /** As their framework names them; without a test, all tests of the file. */
  scope: { file: string; testId?: string };
  needs: { requirements?: Requirements; resources?: Resources; labels?: Labels };
  /** The line that shows it, counted from 1; the file relative to the suite's folder. */
  evidence: { file: string; line: number; text: string };
  confidence: Confidence;
  kind: NeedKind;
}
