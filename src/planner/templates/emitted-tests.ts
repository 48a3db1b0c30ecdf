/** A suite as a test file of another tool: one test for each task. */
export interface EmittedTests {
  /** File name of the suite, beside the test file. */
  suiteFile: string;
  taskIds: readonly string[];
}

const made = "Made by `assay generate`. Runs the suite beside this file with the `assay` command; each task is a test.";

export function vitestFile({ suiteFile, taskIds }: EmittedTests): string {
  return `// ${made}
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";

const suite = fileURLToPath(new URL(${JSON.stringify(suiteFile)}, import.meta.url));
const taskIds = ${JSON.stringify(taskIds, null, 2)};
let tasks = [];
let said = "";

beforeAll(async () => {
  const ended = await new Promise((resolve) => {
    const options = { maxBuffer: Infinity };
    execFile("assay", ["run", suite, "--json"], options, (error, stdout, stderr) => resolve({ error, stdout, stderr }));
  });
  said = ended.stderr || String(ended.error);
  tasks = JSON.parse(ended.stdout || "{}").tasks ?? [];
}, 0);

test.each(taskIds)("%s", (id) => {
  const task = tasks.find(({ task_id }) => task_id === id);
  expect(task?.status, said).toBe("completed");
});
`;
}

export function pytestFile({ suiteFile, taskIds }: EmittedTests): string {
  return `"""${made}"""

import json
import pathlib
import subprocess

import pytest

SUITE = pathlib.Path(__file__).with_name(${JSON.stringify(suiteFile)})
TASK_IDS = ${JSON.stringify(taskIds, null, 4)}


@pytest.fixture(scope="module")
def ended():
    return subprocess.run(["assay", "run", str(SUITE), "--json"], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_task(ended, task_id):
    tasks = json.loads(ended.stdout or "{}").get("tasks", [])
    status = {task["task_id"]: task["status"] for task in tasks}
    assert status.get(task_id) == "completed", ended.stderr
`;
}
