import { fileURLToPath } from "node:url";
import { siblingModule } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { Framework, FrameworkPlace } from "../framework.ts";
import { listNode, nodeProgram } from "../node-program.ts";
import type { NodeProgram } from "../node-program.ts";
import { RunnerSession } from "../runner-session.ts";
import { shell, shellLine } from "./shell-line.ts";

const runner = fileURLToPath(siblingModule(import.meta.url, "./command-runner"));

export const command: Framework = {
  name: "command",
  // Any file may be a program's; only assay.yaml says that one has tests.
  clue: () => Promise.resolve(null),
  async discover(place) {
    return listNode(program(place), place);
  },
  reproduce({ id }, { command: lines } = {}) {
    return lines === undefined ? [id] : shell(shellLine(lines.run, { tests: [id], report: "report.xml" }));
  },
  async open(options) {
    return RunnerSession.open(program(options), options);
  },
};

function program({ command: lines, scratch }: FrameworkPlace): NodeProgram {
  if (lines === undefined)
    throw assayError("discovery_failed", "the framework `command` has to be told how tests are listed and run", {
      next: "Give its suite in assay.yaml a `command` with `list` and `run`.",
    });
  return nodeProgram({
    framework: "command",
    version: null,
    command: [process.execPath, runner],
    byHand: lines.list,
    settings: { ...lines, scratch },
  });
}
