import { join } from "node:path";
import { assayError } from "../../contracts/index.ts";
import type { Project } from "../../contracts/index.ts";
import type { MarkWish } from "../../frameworks/index.ts";
import type { NeedFinding } from "../analysis/need-finding.ts";
import { PROJECT_FILE } from "../tests/project-file.ts";
import { isAdopted } from "./need-groups.ts";
import { PendingFiles } from "./pending-files.ts";
import type { FileChange } from "./pending-files.ts";
import { adoptedText } from "./project-text.ts";
import type { SuiteOverrides } from "./project-text.ts";
import { evidencePlace, suiteOverrides } from "./suite-overrides.ts";
import type { AdoptedSuite } from "./suite-overrides.ts";

/** What adopting a project means for its files. */
export interface Adoption {
  changes: FileChange[];
  /** For each suite the ids of the tests that get needs. */
  needy: ReadonlySet<string>[];
  /** Files that could not get markers or were not read, and why. */
  leftAlone: { file: string; reason: string }[];
  /** Needs of which the text shows too little to write them down. */
  possible: { place: string; text: string; needs: NeedFinding["needs"] }[];
}

/**
 * Works out markers and the assay.yaml of a project; writes nothing. `root` is the real path of its folder. Errors: invalid_syntax and
 * file_read_only where assay.yaml cannot be added to.
 */
export async function planAdoption(root: string, project: Project, suites: readonly AdoptedSuite[]): Promise<Adoption> {
  const files = new PendingFiles(root);
  const adoption: Adoption = { changes: [], needy: [], leftAlone: [], possible: [] };
  const all: SuiteOverrides[] = [];
  for (const adopted of suites) {
    const { suite, discovery, findings } = adopted;
    const { overrides, needy, unmet } = await suiteOverrides(adopted, files);
    all.push({ suite, overrides });
    adoption.needy.push(needy);
    const below = (file: string): string => (suite.directory === "." ? file : `${suite.directory}/${file}`);
    for (const { file, message } of discovery.problems) {
      adoption.leftAlone.push({
        file: below(file ?? "?"),
        reason: `${suite.framework} cannot read it: ${lastLine(message)}`,
      });
    }
    for (const [file, wishes] of Map.groupBy(unmet, ({ wish }) => wish.file)) {
      const [first] = wishes;
      if (first === undefined) continue;
      adoption.leftAlone.push({ file: below(file), reason: `no marker for ${namesText(first.wish)}: ${first.reason}` });
    }
    for (const finding of findings.filter((one) => !isAdopted(one))) {
      const { evidence, needs } = finding;
      adoption.possible.push({ place: evidencePlace(evidence, suite.directory), text: evidence.text, needs });
    }
  }
  await writeProject(files, project, all);
  return { ...adoption, changes: files.changes() };
}

async function writeProject(files: PendingFiles, project: Project, suites: readonly SuiteOverrides[]): Promise<void> {
  const path = join(files.root, PROJECT_FILE);
  const before = await files.read(path);
  const isSaid = project.suites.length > 0 && suites.every(({ overrides }) => overrides.length === 0);
  if (before !== null && isSaid) return;
  const objection = before === null ? null : await files.objection(path);
  if (objection !== null) throw assayError("file_read_only", `${PROJECT_FILE} cannot be changed: ${objection}`);
  // loadProject has read it, so it is UTF-8.
  const text = before === null ? null : new TextDecoder("utf-8", { ignoreBOM: true }).decode(before);
  files.write(path, Buffer.from(adoptedText(text, project, suites)));
}

function namesText({ names }: MarkWish): string {
  return names.length === 0 ? "its tests" : names.join("::");
}

/** pytest puts an E before lines of errors. */
function lastLine(message: string): string {
  const last = message.trimEnd().split("\n").at(-1) ?? "";
  return last.replace(/^E\s+/, "").trim();
}
