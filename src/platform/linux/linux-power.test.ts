import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { manualClock, systemClock } from "../../base/index.ts";
import type { GpuCapability } from "../../contracts/index.ts";
import { meanOver } from "./gpu-samples.ts";
import { watchLinuxPower } from "./linux-power.ts";
import { parseNvidiaLine } from "./nvidia-sampler.ts";

/** No machine with counters or GPUs can be had for tests: the files are made, and a program of the tool's name prints what it prints. */
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "assay-power-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(files: Readonly<Record<string, string | number>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = join(root, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${content}\n`);
  }
}

const rapl = "sys/class/powercap/intel-rapl:";
const card = "sys/class/drm/card";
const gpu = (vendor: string): GpuCapability => ({ index: 0, vendor, name: "GPU" });

describe("energy counters of processors", () => {
  test("the packages together, also when a counter begins anew; parts of a package and other domains are not counted again", async () => {
    const clock = manualClock();
    const counter = (zone: string, name: string, uj: number): Promise<void> =>
      put({
        [`${rapl}${zone}/name`]: name,
        [`${rapl}${zone}/energy_uj`]: uj,
        [`${rapl}${zone}/max_energy_range_uj`]: 100e6,
      });
    await counter("0", "package-0", 99e6);
    await counter("0:0", "core", 1);
    await counter("1", "package-1", 5e6);
    await counter("2", "psys", 7);
    const watch = await watchLinuxPower({ root, env: {}, clock, gpus: null });
    expect(watch).toMatchObject({ cpu: { source: "RAPL" }, gpu: null });
    const end = watch.span();
    clock.advance(1_000);
    await counter("0", "package-0", 19e6);
    await counter("0:0", "core", 50e6);
    await counter("1", "package-1", 15e6);
    await counter("2", "psys", 90e6);
    clock.advance(1_000);
    expect(end()).toEqual({ cpuWatts: 15, gpu: null });
    const short = watch.span();
    clock.advance(199);
    expect(short()).toEqual({ cpuWatts: null, gpu: null });
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("that are not there, or not for this user, are a reason and no error", async () => {
    const clock = manualClock();
    const watch = (): ReturnType<typeof watchLinuxPower> => watchLinuxPower({ root, env: {}, clock, gpus: null });
    expect((await watch()).cpu).toEqual({ missing: expect.stringContaining("no energy counters") });
    await put({ [`${rapl}0/name`]: "package-0", [`${rapl}0/max_energy_range_uj`]: 1 });
    // Root may read every file, but no folder.
    await mkdir(join(root, `${rapl}0/energy_uj`));
    const unread = await watch();
    expect(unread.cpu).toEqual({ missing: expect.stringMatching(/by root only.*energy_uj|by root only.*EISDIR/) });
    const end = unread.span();
    clock.advance(1_000);
    expect(end()).toEqual({ cpuWatts: null, gpu: null });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("AMD's GPUs", () => {
  test("power, use and memory of all of them, whichever file has the power", async () => {
    const clock = manualClock();
    const amd = (number: number, file: string, [uw, busy, vram]: readonly [number, number, number]): Promise<void> =>
      put({
        [`${card}${number}/device/vendor`]: "0x1002",
        [`${card}${number}/device/hwmon/hwmon${number}/${file}`]: uw,
        [`${card}${number}/device/gpu_busy_percent`]: busy,
        [`${card}${number}/device/mem_info_vram_used`]: vram,
      });
    await put({ [`${card}0/device/vendor`]: "0x8086", [`${card}0/device/hwmon/hwmon0/power1_average`]: 9e6 });
    await put({ [`${card}1-DP-1/device/vendor`]: "0x1002" });
    await amd(1, "power1_average", [100e6, 50, 3e9]);
    await amd(2, "power1_input", [20e6, 0, 1e9]);
    const watch = await watchLinuxPower({ root, env: {}, clock, gpus: [gpu("AMD")] });
    expect(watch.gpu).toEqual({ source: "amdgpu" });
    const end = watch.span();
    clock.advance(100);
    await amd(1, "power1_average", [300e6, 100, 2e9]);
    clock.advance(100);
    // 100 W for the first 100 ms, then up to 300 W, which stays; beside it 20 W.
    expect(end()).toEqual({
      cpuWatts: null,
      gpu: { watts: 170, utilizationPercent: (62.5 + 0) / 2, memoryBytes: 4e9 },
    });
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("one that shows no power is a reason, and nothing is told of the others", async () => {
    const watch = await watchLinuxPower({ root, env: {}, clock: manualClock(), gpus: [gpu("AMD")] });
    expect(watch.gpu).toEqual({ missing: expect.stringContaining("amdgpu") });
    expect(watch.span()().gpu).toEqual({ watts: null, utilizationPercent: null, memoryBytes: null });
  });
});

describe("NVIDIA's GPUs", () => {
  const watchWith = async (script: string): ReturnType<typeof watchLinuxPower> => {
    await writeFile(join(root, "nvidia-smi"), `#!/bin/sh\n${script}\n`);
    await chmod(join(root, "nvidia-smi"), 0o755);
    const env = { PATH: `${root}:/usr/bin:/bin`, ROOT: root };
    return watchLinuxPower({ root, env, clock: systemClock, gpus: [gpu("NVIDIA")] });
  };

  test("one tool goes on telling, an older driver by an older name, until it is ended", async () => {
    const watch = await watchWith(
      `case "$*" in *instant*) echo 'Field "power.draw.instant" is not a valid field to query.'; exit 2;; esac\n` +
        `echo $$ > "$ROOT/pid"; echo "$*" > "$ROOT/arguments"\n` +
        `while :; do echo "0, 99.50, 80, 1024"; echo "1, 20.50, 20, 0"; sleep 0.02; done`,
    );
    expect(watch.gpu).toEqual({ source: "nvidia-smi, power.draw" });
    const asked =
      "--query-gpu=index,power.draw,utilization.gpu,memory.used --format=csv,noheader,nounits --loop-ms=100";
    expect((await readFile(join(root, "arguments"), "utf8")).trim()).toBe(asked);
    const end = watch.span();
    await expect
      .poll(() => end().gpu, { interval: 10 })
      .toEqual({ watts: 120, utilizationPercent: 50, memoryBytes: 1024 ** 3 });
    const pid = Number(await readFile(join(root, "pid"), "utf8"));
    watch.stop();
    await expect.poll(() => isThere(pid), { interval: 10 }).toBe(false);
  });

  test("a tool that fails, or is not there, is a reason", async () => {
    const failing = await watchWith("echo 'Unable to determine the device handle: GPU is lost.'; exit 15");
    expect(failing.gpu).toEqual({ missing: expect.stringContaining("GPU is lost") });
    await rm(join(root, "nvidia-smi"));
    const options = { root, env: { PATH: root }, clock: systemClock };
    const absent = await watchLinuxPower({ ...options, gpus: [gpu("NVIDIA")] });
    expect(absent.gpu).toEqual({ missing: expect.stringContaining("cannot be started") });
    expect((await watchLinuxPower({ ...options, gpus: [] })).gpu).toBeNull();
  });

  test("what a GPU does not tell is not known", () => {
    expect(parseNvidiaLine("0, [N/A], 7, [Not Supported]")).toEqual({
      gpu: "0",
      sample: { watts: null, utilizationPercent: 7, memoryBytes: null },
    });
    expect(parseNvidiaLine("NVIDIA-SMI has failed")).toBeUndefined();
  });
});

test("a mean follows the trapezoids of the samples in its span", () => {
  const points = [0, 100, 200, 900].map((atMs) => ({ atMs, value: atMs }));
  expect(meanOver(points, { fromMs: 100, toMs: 200 })).toBe(150);
  expect(meanOver(points, { fromMs: 50, toMs: 250 })).toBe((50 * 100 + 100 * 150 + 50 * 200) / 200);
  expect(meanOver(points, { fromMs: 150, toMs: 250 })).toBeNull();
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
