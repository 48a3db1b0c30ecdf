import type { z } from "zod";
import {
  ackVerdicts,
  checkedTask,
  coordinatorFrame,
  identifierText,
  listCheck,
  MAX_ITEMS,
  numberBetween,
  ObjectCheck,
  oneOf,
  repeatedIdentifier,
  resultDocument,
  resultStatuses,
  textUpTo,
  wholeNumber,
  workerFrame,
} from "../../contracts/index.ts";
import type { CoordinatorFrame, Shortcut, WorkerFrame } from "../../contracts/index.ts";

/** What a schema makes of a frame without its `n`, in less time; undefined when the schema must be asked. */
export type FrameCheck<In> = (frame: Readonly<Record<string, unknown>>) => In | undefined;

const leaseSeq = wholeNumber(1);
const attempt = wholeNumber(1);
const timeMs = numberBetween(0, 253_402_300_799_999);

const started = itemsOf(workerFrame, "started");
const finished = itemsOf(workerFrame, "finished");
const assign = itemsOf(coordinatorFrame, "assign");
const ack = itemsOf(coordinatorFrame, "ack");

const result = new ObjectCheck(resultDocument, {
  task_id: identifierText,
  worker_id: repeatedIdentifier(),
  status: oneOf(resultStatuses),
  execution_time_seconds: numberBetween(0, 1e9),
  logs: textUpTo(64 * 1024),
  exit_code: wholeNumber(Number.MIN_SAFE_INTEGER),
});

const startedItem = new ObjectCheck(started, { lease_seq: leaseSeq, started_at_ms: timeMs });
const finishedItem = new ObjectCheck(finished, {
  lease_seq: leaseSeq,
  run_id: repeatedIdentifier(),
  attempt,
  started_at_ms: timeMs,
  finished_at_ms: timeMs,
  result: result.check,
});
const assignItem = new ObjectCheck(assign, {
  lease_seq: leaseSeq,
  run_id: repeatedIdentifier(),
  attempt,
  spec: checkedTask,
});
const ackItem = new ObjectCheck(ack, { lease_seq: leaseSeq, verdict: oneOf(ackVerdicts) });

export const workerFrameCheck = frameCheck<WorkerFrame>({ started: startedItem.check, finished: finishedItem.check });
export const coordinatorFrameCheck = frameCheck<CoordinatorFrame>({ assign: assignItem.check, ack: ackItem.check });

/** Only frames that consist of a type and a list are taken: nearly all traffic does. */
function frameCheck<In>(items: Readonly<Record<string, Shortcut>>): FrameCheck<In> {
  const lists = new Map<unknown, Shortcut>(
    Object.entries(items).map(([type, item]) => [type, listCheck(item, MAX_ITEMS)]),
  );
  return (frame) => {
    const { type } = frame;
    const list = lists.get(type);
    if (list === undefined) return undefined;
    for (const name in frame) if (name !== "n" && name !== "type" && name !== "items") return undefined;
    const made = list(frame["items"]);
    return made === undefined ? undefined : ({ type, items: made } as In);
  };
}

interface FrameUnion {
  readonly options: readonly z.ZodObject<{ type: z.ZodLiteral }>[];
}
type ListOf<Union extends FrameUnion, Type> = Extract<
  Union["options"][number],
  z.ZodObject<{ type: z.ZodLiteral<Type & string>; items: z.ZodArray }>
>;

/** The schema of the items of a frame that carries a list. */
function itemsOf<Union extends FrameUnion, Type extends string>(
  union: Union,
  type: Type,
): ListOf<Union, Type>["shape"]["items"]["element"] {
  const option = union.options.find(({ shape }) => shape.type.value === type);
  return (option as ListOf<Union, Type>).shape.items.element;
}
