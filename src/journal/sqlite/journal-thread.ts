// The journal's own thread: commits wait for the disk here, so the dispatch loop never does.
import { parentPort } from "node:worker_threads";

import { AssayError, assert, assertNever, errorMessage } from "../../base/index.ts";
import { type ErrorCode, fault, type Fault } from "../../contracts/index.ts";
import { SqliteStore } from "./sqlite-store.ts";
import type { StoreCallName, StoreOutput, StoreReply, StoreRequest } from "./store-calls.ts";

const port = parentPort;
assert(port !== null, "the journal's thread is started by openSqliteJournal");
let store: SqliteStore | undefined;

port.on("message", (request: StoreRequest) => {
  const reply = answer(request);
  port.postMessage(reply, "output" in reply ? buffersOf(reply.output) : []);
  if (request.call === "close") port.close();
});

function answer(request: StoreRequest): StoreReply {
  try {
    return { id: request.id, output: perform(request) };
  } catch (error) {
    return { id: request.id, fault: toFault(error) };
  }
}

function perform(request: StoreRequest): StoreOutput<StoreCallName> {
  if (request.call === "open") {
    store = new SqliteStore(request.input);
    return;
  }
  assert(store !== undefined, "the journal is open");
  switch (request.call) {
    case "append":
      return store.append(request.input);
    case "resolve":
      return store.resolve(request.input);
    case "read":
      return store.read(request.input);
    case "trimSome":
      return store.trimSome(request.input);
    case "tail":
      return store.tail();
    case "firstSeq":
      return store.firstSeq();
    case "close":
      return store.close();
    default:
      return assertNever(request);
  }
}

/** Batches that were read move to the other thread without a copy: SQLite gives each its own buffer. */
function buffersOf(output: StoreOutput<StoreCallName>): ArrayBuffer[] {
  return Array.isArray(output)
    ? output.map(({ events }) => events.buffer).filter((buffer) => buffer instanceof ArrayBuffer)
    : [];
}

function toFault(error: unknown): Fault {
  // The store throws errors of the catalogue; anything else is a bug in Assay.
  if (!(error instanceof AssayError)) return fault("internal", errorMessage(error));
  return fault(error.code as ErrorCode, error.message, { next: error.next });
}
