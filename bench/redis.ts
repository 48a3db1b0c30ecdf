import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "../test/support/free-port.ts";
import { installDebianPackage, succeeds } from "./debian-package.ts";

/** A Redis server without persistence on a free port of 127.0.0.1; null, with a line that says why, when there is none to be had. */
export async function startRedis(): Promise<{ port: number; stop(): Promise<void> } | null> {
  if (!succeeds("redis-server", ["--version"]) && !installDebianPackage("redis-server")) {
    console.log("skipped BullMQ: redis-server is not installed (apt-get install redis-server)");
    return null;
  }
  const port = await freePort();
  const server = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ready = Promise.withResolvers<void>();
  server.stdout.on("data", (chunk: Buffer) => chunk.includes("Ready to accept connections") && ready.resolve());
  server.once("exit", (code) => ready.reject(new Error(`redis-server ended with ${code}`)));
  await ready.promise;
  return {
    port,
    async stop() {
      const exited = once(server, "exit");
      server.kill();
      await exited;
    },
  };
}
