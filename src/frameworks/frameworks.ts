import type { FrameworkName } from "../contracts/index.ts";
import type { Framework } from "./framework.ts";
import { jest } from "./jest/jest-framework.ts";
import { mocha } from "./mocha/mocha-framework.ts";
import { nodeTest } from "./node-test/node-test-framework.ts";
import { playwright } from "./playwright/playwright-framework.ts";
import { vitest } from "./vitest/vitest-framework.ts";

/** Every framework that Assay speaks to. */
const all: readonly Framework[] = [vitest, jest, nodeTest, mocha, playwright];

export const frameworks: ReadonlyMap<FrameworkName, Framework> = new Map(all.map((one) => [one.name, one]));
