// Cargo starts this in place of a binary of tests, and it writes down where and with what Cargo would have run that.
import { appendFileSync } from "node:fs";

const { ASSAY_CARGO_PLACES: places, ...env } = process.env;
const [executable, ...args] = process.argv.slice(2);
appendFileSync(places, `${JSON.stringify({ executable, args, cwd: process.cwd(), env })}\n`);
