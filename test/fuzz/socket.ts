import { once } from "node:events";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { seededRng } from "../../src/base/index.ts";
import { SUBPROTOCOLS } from "../../src/contracts/index.ts";
import { Corpus } from "./corpus.ts";
import { encode, spoil } from "./messages.ts";
import { mutate, pick } from "./mutations.ts";

const FRAMES_PER_SOCKET = 20;
const CORPUS = 300;
const CLOSE_MS = 2_000;

/** Sends spoilt frames, and bytes that are none, over real sockets to a coordinator; gives how many were sent. */
export async function fuzzSockets(
  link: { url: string; token: string },
  options: { frames: number; seed: number },
): Promise<number> {
  const rng = seededRng(options.seed);
  const corpus = new Corpus(CORPUS, options.seed);
  let sent = 0;
  while (sent < options.frames) {
    const subprotocol = pick(rng, SUBPROTOCOLS);
    const socket = new WebSocket(`${link.url.replace("http", "ws")}/api/v1/worker`, [subprotocol], {
      headers: { authorization: `Bearer ${link.token}` },
    });
    socket.on("error", () => undefined);
    await once(socket, "open");
    for (let n = 1; n <= FRAMES_PER_SOCKET && socket.readyState === socket.OPEN; n += 1) {
      const frame = corpus.draw(rng);
      if (rng.next() < 0.5) mutate(rng, frame);
      const message = encode(subprotocol, { n, ...frame });
      socket.send(rng.next() < 0.3 ? spoil(rng, message) : message);
      sent += 1;
      // Bytes that are no WebSocket frame.
      if (rng.next() < 0.02)
        (socket as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket.write(junk());
    }
    const closed = once(socket, "close");
    const cut = setTimeout(() => socket.terminate(), CLOSE_MS);
    socket.close();
    await closed;
    clearTimeout(cut);
  }
  await rawBytes(Number(new URL(link.url).port));
  return sent;

  function junk(): Uint8Array {
    return Uint8Array.from({ length: 64 }, () => rng.below(256));
  }

  async function rawBytes(port: number): Promise<void> {
    for (let count = 0; count < 20; count += 1) {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      socket.resume().end(Buffer.concat([Buffer.from("GET /api/v1/worker HTTP/1.1\r\n"), junk()]));
      await once(socket, "close");
    }
  }
}
