// The types of `test-runner.mjs`, for the programs of ours that are in TypeScript and run on Assay's own Node.
import type { TestOutcome } from "../contracts/index.ts";
import type { DiscoveredTest } from "./framework.ts";

export const task: {
  mode: "list" | "run";
  arguments: string[];
  retries: number;
  /** What only one program has to know. */
  settings: unknown;
};

export type RunnerEvent =
  | { kind: "test"; test: DiscoveredTest }
  | { kind: "problem"; file: string | null; message: string }
  | { kind: "started"; id: string };

export function say(event: RunnerEvent): void;

export function serve(program: { list(): Promise<void>; run(tests: string[]): Promise<void> }): Promise<void>;

export function fileName(path: string): string;

export function distinct(id: string, seen: Map<string, number>): string;

export function whole(id: string): string;

export function finish(result: {
  id: string;
  file: string;
  outcome: TestOutcome;
  seconds?: number;
  message?: string | undefined;
  output?: string | undefined;
  retries?: number;
}): void;
