import { access } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { siblingModule } from "../../base/index.ts";
import { findFile } from "../file-search.ts";
import type { Framework, FrameworkPlace } from "../framework.ts";
import { programVersion } from "../installed-program.ts";
import { listNode, nodeProgram } from "../node-program.ts";
import type { NodeProgram } from "../node-program.ts";
import { RunnerSession } from "../runner-session.ts";

const runner = fileURLToPath(siblingModule(import.meta.url, "./cargo-runner"));
const question = {
  command: ["cargo", "--version"],
  answer: /cargo (\d\S*)/,
  next: "Install Rust with its Cargo, and put the folder with its programs (usually ~/.cargo/bin) on the PATH.",
};

export const cargo: Framework = {
  name: "cargo",
  async clue(folder) {
    const isPackage = await access(join(folder, "Cargo.toml")).then(
      () => true,
      () => false,
    );
    const file = isPackage
      ? await findFile(folder, { name: /\.rs$/, text: /#\[([\w:]+::)?test\b|\/\/[/!] ```/ })
      : null;
    return file === null
      ? null
      : { file: "Cargo.toml", reason: `Cargo.toml makes it a package, and ${file} has tests` };
  },
  async installed(place) {
    const version = await programVersion(question, place).catch(() => undefined);
    return version === undefined ? {} : { cargo: version };
  },
  async discover(place) {
    return listNode(await program(place), place);
  },
  reproduce({ id, file }) {
    const name = id
      .split(" > ")
      .slice(1)
      .join(" > ")
      .replace(/ #\d+$/, "");
    // Rustdoc takes words and no names: each may be anywhere in a name.
    const [, line] = / \(line (\d+\))$/.exec(name) ?? [];
    if (line !== undefined) return ["cargo", "test", "--doc", "--", line];
    const [, target] = /^(?:.*\/)?tests\/([^/]+?)(?:\/main)?\.rs$/.exec(file) ?? [];
    const which = target === undefined ? ["--tests"] : ["--test", target];
    return ["cargo", "test", ...which, ...(name === "" ? [] : ["--", "--exact", name])];
  },
  async open(options) {
    return RunnerSession.open(await program(options), options);
  },
};

async function program(place: FrameworkPlace): Promise<NodeProgram> {
  const version = await programVersion(question, place);
  const byHand = ["cargo test", ...place.arguments].join(" ");
  const command = [process.execPath, runner];
  return nodeProgram({ framework: "cargo", version, command, byHand, settings: { scratch: place.scratch } });
}
