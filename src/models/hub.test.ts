import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { generateModel } from "./generator/generated-model.ts";
import { resolveModel } from "./resolve-model.ts";
import { safetensorsHeader } from "./safetensors-acceptance.ts";

// The real hub cannot be had in a test; this server answers the two requests that the real client library sends to it.
class FakeHub {
  readonly files = new Map<string, Uint8Array>();
  requests = 0;
  lie = false;
  /** Called when a file's content is asked for; that answer then stops half-way. */
  onStall: (() => void) | undefined;
  private readonly server: Server = createServer((request, response) => {
    this.requests += 1;
    const url = new URL(request.url ?? "/", "http://hub");
    const file = /^\/org\/model\/resolve\/main\/(.+)$/.exec(url.pathname)?.[1];
    const content = file === undefined ? undefined : this.files.get(file);
    if (url.pathname.startsWith("/api/models/org/model/tree/main")) {
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(this.tree()));
    } else if (content !== undefined) {
      const last = /^bytes=0-(\d+)$/.exec(request.headers.range ?? "")?.[1];
      response.setHeader("ETag", '"x"');
      if (last === undefined) {
        if (this.onStall === undefined) return response.end(content);
        response.writeHead(200, { "Content-Length": content.length });
        response.write(content.subarray(0, content.length / 2), this.onStall);
        return undefined;
      }
      const end = Math.min(Number(last) + 1, content.length);
      response.writeHead(206, { "Content-Range": `bytes 0-${end - 1}/${content.length}` });
      response.end(content.subarray(0, end));
    } else {
      response.writeHead(401, { "Content-Type": "application/json" }).end('{"error":"Invalid username or password."}');
    }
    return undefined;
  });

  async start(): Promise<string> {
    await new Promise<void>((done) => void this.server.listen(0, "127.0.0.1", done));
    const address = this.server.address();
    return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((done) => void this.server.close(() => done()));
  }

  private tree(): unknown {
    return [...this.files].map(([path, content]) => {
      const oid = createHash("sha256")
        .update(this.lie ? "other" : content)
        .digest("hex");
      const lfs = path.endsWith(".onnx") ? { lfs: { oid, size: content.length, pointerSize: 130 } } : {};
      return { type: "file", path, size: content.length, oid: "0", ...lfs };
    });
  }
}

let folder: string;
let hub: FakeHub;
let hubUrl: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-hub-"));
  hub = new FakeHub();
  hubUrl = await hub.start();
  for (const [path, content] of generateModel("tiny-vit")) hub.files.set(path, content);
  hub.files.set("README.md", new TextEncoder().encode("not needed"));
});
afterEach(async () => {
  await hub.stop();
  await rm(folder, { recursive: true, force: true });
});

describe("hub models", () => {
  test("are downloaded once, only the files that are needed, and keep their bytes", async () => {
    const model = await resolveModel("org/model", { cacheDir: folder, hubUrl });
    expect(model).toMatchObject({ id: "org/model", source: "hub", family: "vit", parameterCount: 311_338 });
    expect((await readdir(model.path)).toSorted()).toEqual(["config.json", "onnx", "preprocessor_config.json"]);
    expect(await readFile(model.modelFile)).toEqual(Buffer.from(hub.files.get("onnx/model.onnx") ?? ""));
    const { requests } = hub;
    await resolveModel("org/model", { cacheDir: folder, hubUrl });
    expect(hub.requests).toBe(requests);
  });

  test("a file whose digest is not the hub's is refused, and nothing is left behind", async () => {
    hub.lie = true;
    await expect(resolveModel("org/model", { cacheDir: folder, hubUrl })).rejects.toMatchObject({
      code: "hub_unreachable",
      message: expect.stringContaining("SHA-256"),
    });
    expect(await readdir(join(folder, "hub"))).toEqual([]);
  });

  test("a download that is stopped leaves nothing behind", async () => {
    const stop = new AbortController();
    hub.onStall = () => stop.abort(new Error("stopped"));
    await expect(resolveModel("org/model", { cacheDir: folder, hubUrl, signal: stop.signal })).rejects.toThrow(
      "stopped",
    );
    expect(await readdir(join(folder, "hub"))).toEqual([]);
  });

  test("one that the hub does not have is unknown", async () => {
    await expect(resolveModel("org/other", { cacheDir: folder, hubUrl })).rejects.toMatchObject({
      code: "unknown_model",
      message: expect.stringContaining("org/other"),
    });
  });

  test("one without ONNX files says which were looked for", async () => {
    hub.files.delete("onnx/model.onnx");
    await expect(resolveModel("org/model", { cacheDir: folder, hubUrl })).rejects.toMatchObject({
      code: "model_file_missing",
      message: expect.stringContaining("onnx/model.onnx"),
    });
  });

  test("for PyTorch its weights are taken, with all their parts, and never those that are programs", async () => {
    const options = { cacheDir: folder, hubUrl, format: "pytorch" } as const;
    hub.files.set("config.json", new TextEncoder().encode('{"model_type":"vit"}'));
    hub.files.set("pytorch_model.bin", new Uint8Array([1]));
    await expect(resolveModel("org/model", options)).rejects.toMatchObject({
      code: "model_file_missing",
      message: expect.stringContaining("has no PyTorch weights as safetensors"),
    });
    const index = "model.safetensors.index.json";
    const parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
    hub.files.set(index, Buffer.from(JSON.stringify({ weight_map: { a: parts[0], b: parts[1], c: parts[0] } })));
    for (const name of parts) hub.files.set(name, safetensorsHeader({ a: [2, 3] }));
    const model = await resolveModel("org/model", options);
    expect((await readdir(model.path)).toSorted()).toEqual(
      ["config.json", ...parts, index, "preprocessor_config.json"].toSorted(),
    );
    expect(model).toMatchObject({ modelFile: join(model.path, index), parameterCount: 12 });
    expect(model.dataFiles.map(({ name }) => name)).toEqual(parts);
  });

  test("of the files that are listed only those of the model are taken", async () => {
    const [beside, outside] = ["onnx/model.onnx_data", "onnx/model.onnx_data/../../../../outside"] as const;
    for (const name of [beside, outside]) hub.files.set(name, new Uint8Array([1]));
    const model = await resolveModel("org/model", { cacheDir: folder, hubUrl });
    expect((await readdir(join(model.path, "onnx"))).toSorted()).toEqual(["model.onnx", "model.onnx_data"]);
    expect(await readdir(folder)).toEqual(["hub"]);
  });

  test("without a network the model and the next step are named", async () => {
    await hub.stop();
    await expect(resolveModel("org/model", { cacheDir: folder, hubUrl })).rejects.toMatchObject({
      code: "hub_unreachable",
      message: expect.stringMatching(/org\/model.*ECONNREFUSED/),
      next: expect.stringContaining("model folder"),
    });
    hub = new FakeHub();
    hubUrl = await hub.start();
  });
});
