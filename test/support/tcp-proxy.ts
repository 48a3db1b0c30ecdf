import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** A link that can be cut, refused, frozen and delayed: a TCP proxy on a port of its own. */
export class TcpProxy implements AsyncDisposable {
  private readonly server: Server;
  private readonly targetPort: number;
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private refusing = false;
  private frozen = false;
  private delayMs = 0;

  static async open(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    proxy.server.listen(0, "127.0.0.1");
    await once(proxy.server, "listening");
    return proxy;
  }

  private constructor(targetPort: number) {
    this.targetPort = targetPort;
    this.server = createServer({ pauseOnConnect: true }, (near) => this.accept(near));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** All connections end at once, as when a cable is pulled from a switch that says so. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** All connections end, and no new one comes about. */
  refuse(on: boolean): void {
    this.refusing = on;
    if (on) this.cut();
  }

  /** Nothing passes and nobody is told. */
  freeze(on: boolean): void {
    this.frozen = on;
    for (const pair of this.pairs)
      for (const socket of pair)
        if (on) socket.pause();
        else socket.resume();
  }

  delay(ms: number): void {
    this.delayMs = ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse(true);
    this.server.close();
    await once(this.server, "close");
  }

  private accept(near: Socket): void {
    if (this.refusing) return void near.resetAndDestroy();
    const far = connect(this.targetPort, "127.0.0.1");
    const pair = [near, far] as const;
    this.pairs.add(pair);
    this.pipe(near, far);
    this.pipe(far, near);
    const over = (): void => {
      this.pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) {
      socket.on("close", over).on("error", () => undefined);
      if (this.frozen) socket.pause();
      else socket.resume();
    }
  }

  /** In order: what was delayed is not overtaken by what came after the delay was over. */
  private pipe(from: Socket, to: Socket): void {
    let dueMs = 0;
    from.on("data", (bytes: Buffer) => {
      const nowMs = performance.now();
      dueMs = Math.max(nowMs + this.delayMs, dueMs);
      if (dueMs <= nowMs) to.write(bytes);
      else setTimeout(() => to.destroyed || to.write(bytes), dueMs - nowMs);
    });
    from.on("end", () => to.end());
  }
}
