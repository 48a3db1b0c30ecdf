import { createFeeds, int64Tensor } from "../../models/index.ts";
import type { Feeds, TensorData } from "../../models/index.ts";
import { summarizeLatency } from "../../stats/index.ts";
import type { GeneratedTokens, Outputs, Session } from "./backends/backend.ts";
import type { GenerationReport } from "./messages.ts";
import { WrongNumbersError } from "./model-failure.ts";

/** Tokens that are generated after each prompt. The end token does not stop it: every repeat does the same work. */
export const NEW_TOKENS = 16;

export interface GenerationPlan {
  readonly prompt: readonly number[];
  /** How many timed generations. */
  readonly repeats: number;
  /** Two tokens whose logits differ by less than twice this may change places. */
  readonly tolerance: number;
}

/** Called after each step; throws to stop the generation. */
type CancellationPoint = () => Promise<void>;

/** Whether the model generates text with a cache that we know how to feed. */
export function canGenerate(session: Session): boolean {
  return (
    !session.compilesEachShape &&
    session.outputNames.includes("logits") &&
    session.inputs.some((input) => input.name.startsWith("past_key_values.")) &&
    session.outputNames.some((name) => name.startsWith("present."))
  );
}

/**
 * Generates greedily, first without the cache, which gives the tokens that are right, then timed with it. Throws a
 * `WrongNumbersError` when the two disagree on a token that was no tie.
 */
export async function measureGeneration(
  session: Session,
  plan: GenerationPlan,
  cancellationPoint: CancellationPoint,
): Promise<GenerationReport> {
  const right = await generateWithoutCache(session, plan.prompt, cancellationPoint);
  const ttftMs: number[] = [];
  const tpotMs: number[] = [];
  // The first generation compiles and allocates for the new shapes: it is checked but not counted.
  for (let repeat = 0; repeat <= plan.repeats; repeat += 1) {
    const { tokens, stepsMs } = await generateWithCache(session, plan.prompt, cancellationPoint);
    refuseOtherTokens(tokens, right, plan.tolerance);
    if (repeat === 0) continue;
    ttftMs.push(...stepsMs.slice(0, 1));
    tpotMs.push(...stepsMs.slice(1));
  }
  const totalMs = [...ttftMs, ...tpotMs].reduce((sum, value) => sum + value, 0);
  return {
    promptTokens: plan.prompt.length,
    newTokens: NEW_TOKENS,
    cacheMatches: true,
    ttftMs: summarizeLatency(ttftMs),
    tpotMs: summarizeLatency(tpotMs),
    tokensPerSecond: (NEW_TOKENS * plan.repeats * 1000) / totalMs,
  };
}

interface RightToken {
  readonly token: number;
  /** How far the best logit is above the second. */
  readonly margin: number;
}

async function generateWithoutCache(
  session: Session,
  prompt: readonly number[],
  cancellationPoint: CancellationPoint,
): Promise<RightToken[]> {
  const right: RightToken[] = [];
  for (let step = 0; step < NEW_TOKENS; step += 1) {
    const ids = [...prompt, ...right.map(({ token }) => token)];
    const bound = await session.bind(promptFeeds(session, ids));
    right.push(best(await (await bound.run()).outputs()));
    await cancellationPoint();
  }
  return right;
}

async function generateWithCache(
  session: Session,
  prompt: readonly number[],
  cancellationPoint: CancellationPoint,
): Promise<GeneratedTokens> {
  if (session.generate !== undefined) {
    const generated = await session.generate(prompt, NEW_TOKENS);
    await cancellationPoint();
    return generated;
  }
  const tokens: number[] = [];
  const stepsMs: number[] = [];
  let feeds = promptFeeds(session, prompt);
  for (let step = 0; step < NEW_TOKENS; step += 1) {
    const bound = await session.bind(feeds);
    const finished = await bound.run();
    stepsMs.push(finished.elapsedMs);
    const outputs = await finished.outputs();
    const { token } = best(outputs);
    tokens.push(token);
    feeds = nextFeeds(session, { token, position: prompt.length + step, outputs });
    await cancellationPoint();
  }
  return { tokens, stepsMs };
}

function promptFeeds(session: Session, ids: readonly number[]): Feeds {
  return createFeeds([{ kind: "text", inputIds: ids, attentionMask: ids.map(() => 1) }], session.inputs);
}

/** The feeds of the step after `token` was chosen for `position`: that token alone, and the caches that came out. */
function nextFeeds(
  session: Session,
  step: { readonly token: number; readonly position: number; readonly outputs: Outputs },
): Feeds {
  const known: Record<string, TensorData> = {
    input_ids: int64Tensor([[step.token]]),
    position_ids: int64Tensor([[step.position]]),
    attention_mask: int64Tensor([Array.from({ length: step.position + 1 }, () => 1)]),
    token_type_ids: int64Tensor([[0]]),
  };
  return Object.fromEntries(
    session.inputs.map(({ name }) => {
      const tensor = known[name] ?? step.outputs[name.replace("past_key_values.", "present.")];
      if (tensor === undefined) throw new WrongNumbersError(`the model gives no output for its cache input "${name}"`);
      return [name, tensor] as const;
    }),
  );
}

/** The token with the highest logit at the last position. */
function best(outputs: Outputs): RightToken {
  const logits = outputs["logits"];
  if (logits?.type !== "float32") throw new WrongNumbersError('the model gives no "logits" of 32-bit floats');
  const vocabulary = logits.dims.at(-1) ?? 0;
  let token = -1;
  let highest = -Infinity;
  let second = -Infinity;
  logits.data.subarray(-vocabulary).forEach((logit, index) => {
    if (logit > highest) {
      second = highest;
      highest = logit;
      token = index;
    } else if (logit > second) {
      second = logit;
    }
  });
  if (token < 0) throw new WrongNumbersError('the output "logits" holds no number to choose a token by');
  return { token, margin: highest - second };
}

function refuseOtherTokens(tokens: readonly number[], right: readonly RightToken[], tolerance: number): void {
  const wrong = right.findIndex(({ token }, index) => token !== tokens[index]);
  if (wrong < 0) return;
  // After a tie the two texts go different ways, and both are right.
  if ((right[wrong] as RightToken).margin < 2 * tolerance) return;
  throw new WrongNumbersError(
    `generation with the cache gives token ${tokens[wrong]} at step ${wrong}, without it ${right[wrong]?.token}`,
  );
}
