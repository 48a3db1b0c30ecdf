import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Site, assay, workersReady } from "./support/assay-process.ts";

const examples = join(import.meta.dirname, "..", "examples");

/** The server of the example on a free port, and its suite with that port, which the file has fixed. */
async function apiExample(site: Site): Promise<{ suite: string } & AsyncDisposable> {
  const server = spawn(process.execPath, [join(examples, "api-server.ts"), "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [address] = (await once(server.stdout, "data")) as [Buffer];
  const text = await readFile(join(examples, "api-checks.yaml"), "utf8");
  const suite = site.path("api-checks.yaml");
  await writeFile(suite, text.replaceAll("http://127.0.0.1:8089", address.toString().trim()));
  const ended = once(server, "exit");
  return {
    suite,
    [Symbol.asyncDispose]: async () => {
      server.kill();
      await ended;
    },
  };
}

test("the examples of HTTP checks and of self-tests pass on two workers, whose results can be asked for", async () => {
  await using site = await Site.open();
  const link = await site.coordinator();
  site.worker("one", link);
  await workersReady(link.client, 1);
  await using example = await apiExample(site);
  // An address as people type it.
  const flags = ["--coordinator", new URL(link.url).host, "--token", link.token, "--json"];
  const alone = await assay("run", example.suite, "--distributed", ...flags);
  expect([alone.code, JSON.parse(alone.stdout)]).toMatchObject([3, { error: { code: "too_few_workers" } }]);
  site.worker("two", link);
  await workersReady(link.client, 2);

  const api = await assay("run", example.suite, "--test-type", "api", "--distributed", ...flags);
  expect({ code: api.code, output: api.code === 0 ? "" : api.stdout + api.stderr }).toEqual({ code: 0, output: "" });
  const hardware = await assay("run", join(examples, "hardware-checks.yaml"), ...flags);
  expect({ code: hardware.code, output: hardware.code === 0 ? "" : hardware.stdout }).toEqual({ code: 0, output: "" });

  const measured = await assay(
    "sql",
    ...flags,
    `select task_id, name, unit from metrics where value > 0
      and name in ('latency_ms_p95', 'ttft_ms_p50', 'cpu_single_mops', 'disk_fsync_ms_p50') order by all`,
  );
  expect(JSON.parse(measured.stdout).rows).toEqual([
    ["all", "cpu_single_mops", "Mops/s"],
    ["all", "disk_fsync_ms_p50", "ms"],
    ["chat", "latency_ms_p95", "ms"],
    ["chat", "ttft_ms_p50", "ms"],
    ["closed-load", "latency_ms_p95", "ms"],
    ["fast-enough", "cpu_single_mops", "Mops/s"],
    ["fast-enough", "disk_fsync_ms_p50", "ms"],
    ["health", "latency_ms_p95", "ms"],
    ["open-load", "latency_ms_p95", "ms"],
  ]);
});
