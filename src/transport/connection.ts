import { err, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import { fault, SUBPROTOCOLS } from "../contracts/index.ts";
import type { Fault, Subprotocol } from "../contracts/index.ts";
import type { FrameCodec } from "./codec/codec.ts";

/** Where workers connect on a coordinator's HTTP server. */
export const WORKER_PATH = "/api/v1/worker";

/** Pages cannot set headers of a handshake: they offer their token as one more subprotocol, which is never chosen. */
export const BEARER_SUBPROTOCOL = "assay.bearer.";

/** One message on the wire: bytes for MessagePack, text for JSON. */
export type Message = Uint8Array | string;

export interface ConnectionHandlers {
  onMessage(message: Message): void;
  /** Unsent bytes became fewer. */
  onFlushed(): void;
  /** The other side broke a rule that lies below frames. The owner closes the connection; no message after this one counts. */
  onViolation(reason: "frame_too_large" | "bad_frame", text: string): void;
  /** The end, once, however it came about: a WebSocket close code (1006 when there was none) and its text. */
  onClosed(code: number, text: string): void;
}

/** The port below sessions: whole messages, in order, both ways. No method throws. */
export interface Connection {
  readonly subprotocol: Subprotocol;
  /** Address of the other side, for people. */
  readonly remote: string;
  /** Bytes given to `send` that have not left this process. */
  readonly bufferedBytes: number;
  /** In place of the subprotocol's codec, for ends in one process that pass frames as they are: the simulator's. */
  readonly codec?: FrameCodec<never, object>;
  /** Starts delivery; called once. What arrived earlier comes first, and nothing before `attach` returns. */
  attach(handlers: ConnectionHandlers): void;
  /** Takes the message over; it must not be changed afterwards. Does nothing once the connection is closing. */
  send(message: Message): void;
  /** Says goodbye after what was sent, and waits for the other side to agree. */
  close(code: number, text: string): void;
  /** Ends at once; what is unsent is lost. */
  terminate(): void;
}

/** What a listener needs from its owner. `remote` is the address of the other side. */
export interface ListenerOptions<Identity> {
  /** Decides by the bearer token (null when there is none) who this is, before a connection exists. */
  authenticate: (token: string | null, remote: string) => Promise<Result<Identity, Fault>>;
  /** A connection was made; must attach a session before it returns. */
  onConnection: (connection: Connection, identity: Identity) => void;
}

/** The first of the offered subprotocols that this version speaks. */
export function chooseSubprotocol(offered: Iterable<string>): Result<Subprotocol, Fault> {
  const names = [...offered].filter((name) => !name.startsWith(BEARER_SUBPROTOCOL));
  for (const name of names) {
    const known = SUBPROTOCOLS.find((subprotocol) => subprotocol === name);
    if (known !== undefined) return ok(known);
  }
  const theirs = names.length === 0 ? "none" : names.slice(0, 8).join(", ").slice(0, 200);
  return err(
    fault("protocol_version", `This coordinator speaks ${SUBPROTOCOLS.join(" and ")}; the client offered ${theirs}.`),
  );
}
