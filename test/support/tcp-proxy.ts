import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** Stands between workers and a coordinator, so that a test can cut their links and mend them. */
export class TcpProxy implements AsyncDisposable {
  private readonly server: Server;
  private readonly targetPort: number;
  private readonly sockets = new Set<Socket>();
  private isCut = false;

  private constructor(targetPort: number) {
    this.targetPort = targetPort;
    this.server = createServer((socket) => this.join(socket));
  }

  static async open(targetUrl: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(Number(new URL(targetUrl).port));
    proxy.server.listen(0, "127.0.0.1");
    await once(proxy.server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends all links and lets no new one come about. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(near: Socket): void {
    this.hold(near);
    if (this.isCut) return void near.resetAndDestroy();
    const far = connect(this.targetPort, "127.0.0.1");
    this.hold(far);
    near.pipe(far);
    far.pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  }

  private hold(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.sockets.delete(socket));
  }
}
