import type { FrameworkName } from "../contracts/index.ts";
import { cargo } from "./cargo/cargo-framework.ts";
import { command } from "./command/command-framework.ts";
import type { Framework } from "./framework.ts";
import { go } from "./go/go-framework.ts";
import { jest } from "./jest/jest-framework.ts";
import { mocha } from "./mocha/mocha-framework.ts";
import { nodeTest } from "./node-test/node-test-framework.ts";
import { playwright } from "./playwright/playwright-framework.ts";
import { pytest } from "./pytest/pytest-framework.ts";
import { unittest } from "./unittest/unittest-framework.ts";
import { vitest } from "./vitest/vitest-framework.ts";

/** Every framework that Assay speaks to. */
const all: readonly Framework[] = [pytest, unittest, vitest, jest, nodeTest, mocha, playwright, go, cargo, command];

export const frameworks: ReadonlyMap<FrameworkName, Framework> = new Map(all.map((one) => [one.name, one]));
