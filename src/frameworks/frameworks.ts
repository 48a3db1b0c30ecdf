import type { FrameworkName } from "../contracts/index.ts";
import type { Framework } from "./framework.ts";
import { pytest } from "./pytest/pytest-framework.ts";
import { unittest } from "./unittest/unittest-framework.ts";

/** Every framework that Assay speaks to. */
const all: readonly Framework[] = [pytest, unittest];

export const frameworks: ReadonlyMap<FrameworkName, Framework> = new Map(all.map((one) => [one.name, one]));
