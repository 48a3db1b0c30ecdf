import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { siblingModule } from "../../base/index.ts";
import { findFile } from "../file-search.ts";
import type { Framework, FrameworkPlace } from "../framework.ts";
import { programVersion } from "../installed-program.ts";
import { listNode, nodeProgram } from "../node-program.ts";
import type { NodeProgram } from "../node-program.ts";
import { RunnerSession } from "../runner-session.ts";
import { goPattern } from "./go-name.ts";

const runner = fileURLToPath(siblingModule(import.meta.url, "./go-runner"));
const question = {
  command: ["go", "version"],
  answer: /go version (?:go)?(\S+)/,
  next: "Install Go, and put the folder with its programs on the PATH.",
};

export const go: Framework = {
  name: "go",
  async clue(folder) {
    const isModule = await access(join(folder, "go.mod")).then(
      () => true,
      () => false,
    );
    const file = isModule ? await findFile(folder, { name: /_test\.go$/ }) : null;
    return file === null ? null : { file: "go.mod", reason: `go.mod makes it a module of Go, and ${file} has tests` };
  },
  async installed(place) {
    const version = await programVersion(question, place).catch(() => undefined);
    return version === undefined ? {} : { go: version };
  },
  async discover(place) {
    return listNode(await program(place), place);
  },
  reproduce({ id }) {
    const [file = "", ...names] = id.split(" > ");
    const only = names.length === 0 ? [] : ["-run", goPattern([names.join(" > ")])];
    const folder = dirname(file);
    return ["go", "test", "-count=1", ...only, folder === "." ? "." : `./${folder}`];
  },
  async open(options) {
    return RunnerSession.open(await program(options), options);
  },
};

async function program(place: FrameworkPlace): Promise<NodeProgram> {
  const version = await programVersion(question, place);
  const byHand = ["go test -list .", ...(place.arguments.length === 0 ? ["./..."] : place.arguments)].join(" ");
  return nodeProgram({ framework: "go", version, command: [process.execPath, runner], byHand });
}
