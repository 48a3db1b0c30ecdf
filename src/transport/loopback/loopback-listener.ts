import { assayError, faultError } from "../../contracts/index.ts";
import type { Subprotocol } from "../../contracts/index.ts";
import { chooseSubprotocol } from "../connection.ts";
import type { ListenerOptions } from "../connection.ts";
import { loopbackPair } from "./loopback-pair.ts";
import type { Deliver, LoopbackConnection } from "./loopback-pair.ts";

/** Takes connections of workers in the same process, by the same rules as the WebSocket listener. */
export class LoopbackListener<Identity> {
  private readonly options: ListenerOptions<Identity> & { deliver?: Deliver };
  private readonly ends = new Set<LoopbackConnection>();
  private closed = false;

  constructor(options: ListenerOptions<Identity> & { deliver?: Deliver }) {
    this.options = options;
  }

  /** The worker's end. Rejects with the AssayErrors that dialling a WebSocket gives. */
  async dial(call: {
    token: string | null;
    subprotocols: readonly Subprotocol[];
    remote?: string;
  }): Promise<LoopbackConnection> {
    const { token, subprotocols, remote = "loopback" } = call;
    const subprotocol = chooseSubprotocol(subprotocols);
    if (!subprotocol.ok) throw faultError(subprotocol.error);
    const identity = await this.options.authenticate(token, remote);
    if (this.closed) throw assayError("coordinator_unreachable", "The coordinator in this process has stopped.");
    if (!identity.ok) throw faultError(identity.error);
    const { deliver } = this.options;
    const [server, client] = loopbackPair({
      subprotocol: subprotocol.value,
      remote,
      ...(deliver === undefined ? {} : { deliver }),
    });
    for (const end of this.ends) if (end.closed) this.ends.delete(end);
    this.ends.add(server);
    this.options.onConnection(server, identity.value);
    return client;
  }

  /** Takes no more connections and ends those that there are. */
  close(): void {
    this.closed = true;
    for (const end of this.ends) end.terminate();
    this.ends.clear();
  }
}
