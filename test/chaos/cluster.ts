import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { AssayProcess, Site } from "../support/assay-process.ts";
import { freePort } from "../support/free-port.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { WORKERS } from "./plan.ts";
import type { Fault } from "./plan.ts";

const DISK = "256m";
const START_AGAIN_MS = 500;
const LOOK_AGAIN_MS = 50;
const DELAY_MS = 800;

/** One process that is started again whenever it ends, unless it is meant to be down. */
interface Supervised {
  process: AssayProcess | undefined;
  startedMs: number;
  stopped: boolean;
  down: boolean;
}

/** A coordinator and its workers, each a process behind a link of its own, and all that can be done to them. */
export class Cluster {
  readonly url: string;
  /** Ends that nobody caused, as `name: exit code and last words`. */
  readonly surprises: string[] = [];
  private readonly site: Site;
  private readonly port: number;
  private readonly proxies: TcpProxy[];
  private readonly disk: SmallDisk;
  private readonly coordinator: Supervised = idle();
  private readonly workers: Supervised[] = Array.from({ length: WORKERS }, idle);
  private token = "";
  private over = false;

  static async start(site: Site): Promise<Cluster> {
    const port = await freePort();
    const disk = await SmallDisk.mount(site.path("data"), DISK);
    const proxies = await Promise.all(Array.from({ length: WORKERS }, () => TcpProxy.open(port)));
    const cluster = new Cluster(site, { port, proxies, disk });
    cluster.keepCoordinator();
    await cluster.untilListening();
    for (let worker = 0; worker < WORKERS; worker += 1) cluster.keepWorker(worker);
    return cluster;
  }

  private constructor(site: Site, parts: { port: number; proxies: TcpProxy[]; disk: SmallDisk }) {
    this.site = site;
    this.port = parts.port;
    this.url = `http://127.0.0.1:${parts.port}`;
    this.proxies = parts.proxies;
    this.disk = parts.disk;
  }

  /** Why the disk cannot be filled; null when it can. */
  get noDisk(): string | null {
    return this.disk.problem;
  }

  get adminToken(): string {
    return this.token;
  }

  /** The coordinator's process and since when it runs; null while there is none. */
  get coordinatorProcess(): { pid: number; startedMs: number } | null {
    const { process, startedMs } = this.coordinator;
    return process ? { pid: process.pid, startedMs } : null;
  }

  /** Does what the plan says; resolves when it is over. False when the one that it is meant for is down already. */
  async apply({ kind, worker, lastsMs }: Fault): Promise<boolean> {
    const proxy = this.proxies[worker] as TcpProxy;
    const hit = this.workers[worker] as Supervised;
    switch (kind) {
      case "kill_worker":
        return this.kill(hit, lastsMs);
      case "kill_coordinator":
        return this.kill(this.coordinator, lastsMs);
      case "stop_worker":
        return this.stop(hit, lastsMs);
      case "stop_coordinator":
        return this.stop(this.coordinator, lastsMs);
      case "cut_link":
        proxy.cut();
        return true;
      case "refuse_link":
        return during(lastsMs, (on) => proxy.refuse(on));
      case "freeze_link":
        return during(lastsMs, (on) => proxy.freeze(on));
      case "delay_link":
        return during(lastsMs, (on) => proxy.delay(on ? DELAY_MS : 0));
      case "fill_disk":
        return this.fillDisk(lastsMs);
    }
  }

  /** Ends the processes in order: workers first, so that nothing new happens, then the coordinator by SIGTERM. */
  async stopAll(): Promise<void> {
    if (this.over) return;
    this.over = true;
    await Promise.all(this.workers.map(async ({ process }) => process?.stop("SIGKILL")));
    const ended = await this.coordinator.process?.stop("SIGTERM");
    if (ended && ended.code !== 0)
      this.surprises.push(`coordinator at its end: ${ended.code} ${ended.stderr.slice(-500)}`);
    await Promise.all(this.proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  /** Only once the disk's content is not needed any more. */
  unmount(): void {
    this.disk[Symbol.dispose]();
  }

  private kill(one: Supervised, downMs: number): Promise<boolean> | boolean {
    if (!one.process || one.down) return false;
    one.down = true;
    const { process } = one;
    return process.stop("SIGKILL").then(async () => {
      await delay(downMs);
      one.down = false;
      return true;
    });
  }

  private async stop(one: Supervised, lastsMs: number): Promise<boolean> {
    if (!one.process || one.down || one.stopped) return false;
    const { pid } = one.process;
    one.stopped = true;
    const signal = (name: NodeJS.Signals): void => {
      try {
        process.kill(pid, name);
      } catch {
        // It was killed meanwhile.
      }
    };
    signal("SIGSTOP");
    await delay(lastsMs);
    signal("SIGCONT");
    one.stopped = false;
    return true;
  }

  private async fillDisk(lastsMs: number): Promise<boolean> {
    if (this.noDisk !== null) return false;
    this.disk.fill();
    await delay(lastsMs);
    await this.disk.makeRoom();
    return true;
  }

  private keepCoordinator(): void {
    const args = [
      "coordinator",
      "--data-dir",
      this.site.path("data"),
      "--port",
      String(this.port),
      "--log-level",
      "warn",
    ];
    void this.keep("coordinator", this.coordinator, () => this.site.start(args));
  }

  private keepWorker(index: number): void {
    const name = `w${index}`;
    const { url } = this.proxies[index] as TcpProxy;
    const start = (): AssayProcess => this.site.worker(name, { url, token: this.token }, "--slots", "2");
    void this.keep(name, this.workers[index] as Supervised, start);
  }

  private async keep(name: string, one: Supervised, start: () => AssayProcess): Promise<void> {
    while (!this.over) {
      if (one.down) {
        await delay(LOOK_AGAIN_MS);
        continue;
      }
      one.startedMs = performance.now();
      one.process = start();
      const { code, stderr } = await one.process.ended;
      one.process = undefined;
      if (one.down || this.over) continue;
      this.surprises.push(`${name} ended with ${code}: ${stderr.trim().slice(-400)}`);
      await delay(START_AGAIN_MS);
    }
  }

  private async untilListening(): Promise<void> {
    for (;;) {
      try {
        await readFile(this.site.path("data/coordinator.json"));
        this.token = (await readFile(this.site.path("data/admin.token"), "utf8")).trim();
        return;
      } catch {
        await delay(LOOK_AGAIN_MS);
      }
    }
  }
}

function idle(): Supervised {
  return { process: undefined, startedMs: 0, stopped: false, down: false };
}

async function during(ms: number, turn: (on: boolean) => void): Promise<boolean> {
  turn(true);
  await delay(ms);
  turn(false);
  return true;
}
