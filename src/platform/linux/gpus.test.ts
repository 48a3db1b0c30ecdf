import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { amdGpus } from "./amd-gpus.ts";
import { nvidiaGpus } from "./nvidia-gpus.ts";
import { toolRunner } from "./tool-output.ts";

/**
 * No machine with GPUs can be had for tests, so a program of the tool's name stands on the PATH and prints what the tools print;
 * the starting of the tool, its failures and the reading of its output are real.
 */
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-gpus-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fakeTool(name: string, script: string): Promise<ReturnType<typeof toolRunner>> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return toolRunner({ PATH: `${folder}:/usr/bin:/bin` });
}

const print = (text: string): string => `cat <<'END'\n${text}\nEND`;

describe("nvidia-smi", () => {
  test("two GPUs", async () => {
    const run = await fakeTool(
      "nvidia-smi",
      print(
        "0, NVIDIA A100-SXM4-80GB, GPU-5c1f1a7e-7a0e-1c5b-9d4a-0e6f0a3f8a11, 81920, 550.54.15, 8.0\n" +
          "1, Tesla T4, GPU-9f0d3b52-22c4-6c0a-8a57-5f2f6c1f3a20, 15360, 550.54.15, 7.5",
      ),
    );
    expect(await nvidiaGpus(run)).toEqual([
      {
        index: 0,
        vendor: "NVIDIA",
        name: "NVIDIA A100-SXM4-80GB",
        uuid: "GPU-5c1f1a7e-7a0e-1c5b-9d4a-0e6f0a3f8a11",
        memory_gb: 85.89934592,
        driver: "550.54.15",
        cuda_compute: 8,
      },
      {
        index: 1,
        vendor: "NVIDIA",
        name: "Tesla T4",
        uuid: "GPU-9f0d3b52-22c4-6c0a-8a57-5f2f6c1f3a20",
        memory_gb: 16.10612736,
        driver: "550.54.15",
        cuda_compute: 7.5,
      },
    ]);
  });

  test("an old driver that refuses compute_cap is asked again without it", async () => {
    const run = await fakeTool(
      "nvidia-smi",
      `case "$1" in *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2;; esac\n` +
        print("0, GeForce GTX 1080, GPU-1a, 8119, 390.157"),
    );
    expect(await nvidiaGpus(run)).toEqual([
      {
        index: 0,
        vendor: "NVIDIA",
        name: "GeForce GTX 1080",
        uuid: "GPU-1a",
        memory_gb: 8.513388544,
        driver: "390.157",
      },
    ]);
  });

  test("what a GPU does not tell is left out", async () => {
    const run = await fakeTool("nvidia-smi", print("0, NVIDIA GB10, GPU-2b, [N/A], 580.95.05, 12.1"));
    expect(await nvidiaGpus(run)).toEqual([
      { index: 0, vendor: "NVIDIA", name: "NVIDIA GB10", uuid: "GPU-2b", driver: "580.95.05", cuda_compute: 12.1 },
    ]);
  });

  test("a tool without its driver is no error", async () => {
    const run = await fakeTool(
      "nvidia-smi",
      'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9',
    );
    expect(await nvidiaGpus(run)).toEqual([]);
  });
});

describe("rocm-smi", () => {
  test("warnings before the JSON and capitals of other versions are read over", async () => {
    const run = await fakeTool(
      "rocm-smi",
      print(
        `WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status\n\n` +
          `{"card0": {"Unique ID": "0x8b0b2f1e7d2f0f5a", "VRAM Total Memory (B)": "68702699520", "VRAM Total Used Memory (B)": "10854400", ` +
          `"Card Series": "AMD Instinct MI210", "Card Model": "0x740f", "Card Vendor": "Advanced Micro Devices, Inc. [AMD/ATI]"}, ` +
          `"card1": {"Unique ID": "N/A", "VRAM Total Memory (B)": "17163091968", "Card series": "Navi 21", "Card model": "0x73bf"}, ` +
          `"system": {"Driver version": "6.8.5"}}`,
      ),
    );
    expect(await amdGpus(run)).toEqual([
      {
        index: 0,
        vendor: "AMD",
        name: "AMD Instinct MI210",
        uuid: "0x8b0b2f1e7d2f0f5a",
        memory_gb: 68.70269952,
        driver: "6.8.5",
      },
      { index: 1, vendor: "AMD", name: "Navi 21", memory_gb: 17.163091968, driver: "6.8.5" },
    ]);
  });

  test("output that is not JSON gives no GPUs", async () => {
    const run = await fakeTool("rocm-smi", "echo '{ broken'");
    expect(await amdGpus(run)).toEqual([]);
  });
});

test("tools that are not installed give no GPUs", async () => {
  const run = toolRunner({ PATH: folder });
  expect([await nvidiaGpus(run), await amdGpus(run)]).toEqual([[], []]);
});
