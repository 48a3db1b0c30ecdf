import { join } from "node:path";
import type { ProjectSuite } from "../../contracts/index.ts";
import type { DiscoveredTest, ProcessStarter } from "../../frameworks/index.ts";
import type { NeedFinding } from "./need-finding.ts";

/** What is asked about. */
export interface AnalysedSuite {
  suite: Pick<ProjectSuite, "framework" | "directory">;
  tests: readonly DiscoveredTest[];
  starter: ProcessStarter;
}

/** What the tests of a suite need, by the text of their files, in the order of the tests. `folder` is that of the project. */
export async function analyseNeeds(folder: string, { suite, tests }: AnalysedSuite): Promise<NeedFinding[]> {
  void join(folder, suite.directory);
  void tests;
  return Promise.resolve([]);
}
