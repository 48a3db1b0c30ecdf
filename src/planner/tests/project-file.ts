import { access } from "node:fs/promises";
import { join } from "node:path";
import { project } from "../../contracts/index.ts";
import type { Project } from "../../contracts/index.ts";
import { checkedDocument } from "../checked-document.ts";
import { readSuiteText } from "../suite-text.ts";

export const PROJECT_FILE = "assay.yaml";

/** The project of a folder: what its assay.yaml says, or the defaults where it has none. Errors as for a suite file. */
export async function loadProject(folder: string): Promise<Project> {
  if (!(await exists(join(folder, PROJECT_FILE)))) return project.parse({});
  const text = await readSuiteText(PROJECT_FILE, folder);
  return checkedDocument({ text, file: PROJECT_FILE }, { schema: project, kind: "project" });
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
