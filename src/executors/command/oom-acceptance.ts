// A test program: enters control groups, as a worker that is in one, runs a command that wants more memory than there is, and prints
// what became of it. Arguments: work folder, the files through which groups are entered.
import { writeFileSync } from "node:fs";
import { createPlatform } from "../../platform/index.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { CommandExecutor } from "./command-executor.ts";

const [folder = "", ...entrances] = process.argv.slice(2);
for (const entrance of entrances) writeFileSync(entrance, "0", { flag: "r+" });
const executor = new CommandExecutor({ platform: createPlatform({ diskPath: folder, env: process.env }) });
const attempt = await scratchAttempt({ workDir: folder });
const hog = "const kept = []; for (;;) kept.push(Buffer.alloc(20e6, 1));";
const task = scratchTask({ type: "command", config: { command: [process.execPath, "-e", hog] } });
console.log(JSON.stringify(await executor.execute(task, attempt.context)));
await attempt.remove();
