import pino from "pino";
import { WATCH_DEFAULTS, startCoordinator } from "../src/coordinator/index.ts";

/** A coordinator with the limits and intervals of the product, as a child process: `coordinator-process.ts DATA_DIR`. */
const [dataDir = ""] = process.argv.slice(2);
const coordinator = await startCoordinator({
  dataDir,
  host: "127.0.0.1",
  port: 0,
  ...WATCH_DEFAULTS,
  logger: pino({ level: "error" }),
});
process.send?.("ready");
process.on("disconnect", () => void coordinator.stop().then(() => process.exit(0)));
