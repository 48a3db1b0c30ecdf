import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { generateModel } from "./generator/generated-model.ts";
import { resolveModel } from "./resolve-model.ts";
import { safetensorsHeader } from "./safetensors-acceptance.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-models-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Writes a model folder without the files that are left out. */
async function localModel(without: readonly string[] = []): Promise<string> {
  const path = join(folder, "local");
  for (const [name, content] of generateModel("tiny-vit")) {
    if (without.includes(name)) continue;
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return path;
}

describe("generated models", () => {
  test("are made once and described", async () => {
    const model = await resolveModel("tiny-gpt2", { cacheDir: folder });
    expect(model).toMatchObject({
      id: "tiny-gpt2",
      family: "gpt2",
      architecture: "decoder-only",
      source: "generated",
      parameterCount: 685_184,
    });
    const bytes = await readFile(model.modelFile);
    expect(model.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(await readdir(model.path)).toContain("generation_config.json");
    await writeFile(join(model.path, "mark"), "kept");
    const again = await resolveModel("assay/tiny-gpt2", { cacheDir: folder });
    expect(await readFile(join(again.path, "mark"), "utf8")).toBe("kept");
  });

  test("two processes making the same one leave one whole folder", async () => {
    const program = `
      import { resolveModel } from ${JSON.stringify(new URL("./resolve-model.ts", import.meta.url).href)};
      const model = await resolveModel("tiny-bert", { cacheDir: ${JSON.stringify(folder)} });
      console.log(model.sha256);`;
    const run = (): Promise<{ stdout: string }> =>
      promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
    const digests = (await Promise.all([run(), run(), run()])).map(({ stdout }) => stdout.trim());
    const expected = createHash("sha256")
      .update(generateModel("tiny-bert").get("onnx/model.onnx") ?? "")
      .digest("hex");
    expect(digests).toEqual([expected, expected, expected]);
    expect(await readdir(join(folder, "generated"))).toHaveLength(1);
  });

  test("several at once in one process leave one whole folder", async () => {
    const models = await Promise.all([1, 2, 3].map(() => resolveModel("tiny-vit", { cacheDir: folder })));
    expect(new Set(models.map((model) => model.sha256)).size).toBe(1);
    expect(await readdir(join(folder, "generated"))).toHaveLength(1);
  });

  test("are made in each precision that is asked for", async () => {
    const [full, half] = [
      await resolveModel("tiny-vit", { cacheDir: folder }),
      await resolveModel("tiny-vit", { cacheDir: folder, precision: "fp16" }),
    ];
    expect(half).toMatchObject({ precision: "fp16", parameterCount: full.parameterCount });
    expect(half.modelFile.endsWith(join("onnx", "model_fp16.onnx"))).toBe(true);
    expect(half.path).not.toBe(full.path);
  });

  test("for PyTorch have 32-bit weights at each precision", async () => {
    const full = await resolveModel("tiny-vit", { cacheDir: folder });
    const half = await resolveModel("tiny-vit", { cacheDir: folder, precision: "bf16", format: "pytorch" });
    expect(half).toEqual({ ...full, precision: "bf16" });
  });

  test("are not made in bf16, and nothing is left behind", async () => {
    await expect(resolveModel("tiny-bert", { cacheDir: folder, precision: "bf16" })).rejects.toMatchObject({
      code: "model_file_missing",
      message: expect.stringContaining("tiny-bert is not made in bf16"),
      next: expect.stringContaining("fp16"),
    });
    expect(await readdir(join(folder, "generated"))).toEqual([]);
  });
});

describe("local folders", () => {
  test("are read where they are", async () => {
    const path = await localModel();
    expect(await resolveModel(path, { cacheDir: folder })).toMatchObject({
      path,
      source: "local",
      family: "vit",
      architecture: "vision",
    });
  });

  test.each(["config.json", "onnx/model.onnx"])("without %s are refused by name", async (missing) => {
    const path = await localModel([missing]);
    const error = { code: "model_file_missing", message: expect.stringContaining(missing) };
    await expect(resolveModel(path, { cacheDir: folder })).rejects.toMatchObject(error);
  });

  test("for PyTorch need its weights, whose header is read", async () => {
    const path = await localModel();
    await writeFile(join(path, "config.json"), '{"model_type":"vit"}');
    const open = (): Promise<unknown> => resolveModel(path, { cacheDir: folder, format: "pytorch" });
    const missing = { code: "model_file_missing", message: expect.stringContaining("no PyTorch weights") };
    await expect(open()).rejects.toMatchObject(missing);
    const index = join(path, "model.safetensors.index.json");
    await writeFile(index, '{"weight_map":{"a":"model-00001-of-00001.safetensors"}}');
    const partMissing = { code: "model_file_missing", message: expect.stringContaining("00001.safetensors, which") };
    await expect(open()).rejects.toMatchObject(partMissing);
    await writeFile(index, '{"weight_map":{"a":"../secret"}}');
    await expect(open()).rejects.toMatchObject({ code: "model_unsupported" });
    const file = join(path, "model.safetensors");
    for (const broken of [
      "x",
      Buffer.alloc(8, 0xff),
      Buffer.concat([Buffer.of(2, 0, 0, 0, 0, 0, 0, 0), Buffer.from("no")]),
    ]) {
      await writeFile(file, broken);
      await expect(open()).rejects.toMatchObject({ code: "model_unreadable", message: expect.stringContaining(file) });
    }
    await writeFile(file, safetensorsHeader({ a: [2, 3], b: [] }));
    expect(await open()).toMatchObject({ modelFile: file, parameterCount: 7 });
  });

  test("with a broken file are refused by name", async () => {
    const path = await localModel();
    await writeFile(join(path, "onnx", "model.onnx"), "no protobuf");
    await expect(resolveModel(path, { cacheDir: folder })).rejects.toMatchObject({
      code: "model_unreadable",
      message: expect.stringContaining("not a readable ONNX file"),
    });
    await writeFile(join(path, "config.json"), "{");
    await expect(resolveModel(path, { cacheDir: folder })).rejects.toMatchObject({
      message: expect.stringContaining("not valid JSON"),
    });
  });
});

describe("damaged folders", () => {
  async function damaged(change: (bytes: Uint8Array) => Uint8Array): Promise<string> {
    const path = await localModel();
    const file = join(path, "onnx", "model.onnx");
    await writeFile(file, change(await readFile(file)));
    return path;
  }

  test.each([
    ["is cut off", (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2)],
    ["is empty", () => new Uint8Array()],
    ["begins with other bytes", (bytes: Uint8Array) => bytes.with(0, 0xff)],
    // The first dimension of the first weight, 96: one more than there is.
    ["has a tensor larger than its bytes", (bytes: Uint8Array) => enlarged(bytes)],
  ])("a file that %s is refused by name", async (_name, change) => {
    const path = await damaged(change);
    await expect(resolveModel(path, { cacheDir: folder })).rejects.toMatchObject({
      code: "model_unreadable",
      message: expect.stringMatching(/local.*model\.onnx is not a readable ONNX file: ./),
      next: expect.stringContaining("again"),
    });
  });

  /** Finds the kernel's shape [96, 3, 4, 4] as dims of a TensorProto, and makes it [97, 3, 4, 4]. */
  function enlarged(bytes: Uint8Array): Uint8Array {
    const at = Buffer.from(bytes).indexOf(Buffer.from([8, 96, 8, 3, 8, 4, 8, 4]));
    expect(at).toBeGreaterThan(0);
    return bytes.with(at + 1, 97);
  }

  test("a tokenizer without a model says what is there", async () => {
    const path = join(folder, "tokenizer-only");
    await mkdir(path);
    for (const [name, content] of generateModel("tiny-bert"))
      if (!name.includes("/")) await writeFile(join(path, name), content);
    await expect(resolveModel(path, { cacheDir: folder })).rejects.toMatchObject({
      code: "model_file_missing",
      message: expect.stringMatching(/no ONNX file.*it has config\.json, tokenizer\.json, tokenizer_config\.json$/),
      next: expect.stringContaining("Export the model to ONNX"),
    });
  });
});

describe("unknown models", () => {
  test("a misspelt name says what is near", async () => {
    await expect(resolveModel("tiny-bret", { cacheDir: folder })).rejects.toMatchObject({
      code: "unknown_model",
      message: expect.stringContaining("tiny-bert"),
    });
  });

  test("a path that does not exist is not looked up on the hub", async () => {
    for (const path of ["./no/such", "/no/such", "C:\\no\\such", "a/b/c", "../no/such", "~/model"]) {
      await expect(resolveModel(path, { cacheDir: folder })).rejects.toMatchObject({ code: "unknown_model" });
    }
  });

  // Nothing listens there: an id that got as far as the hub would be unreachable.
  const hubUrl = "http://127.0.0.1:9";

  test("ids that leave the cache or the hub's names are refused before the hub is asked", async () => {
    for (const id of ["org/..", "org/.", "org/.hidden", "-org/model", "org/a..b", "org\\..\\model", "org/model\0"]) {
      await expect(resolveModel(id, { cacheDir: folder, hubUrl })).rejects.toMatchObject({ code: "unknown_model" });
    }
    for (const revision of ["../../main", "/main", "a\\b", ""]) {
      const error = { code: "unknown_model", message: expect.stringContaining(`revision "${revision}"`) };
      await expect(resolveModel("org/model", { cacheDir: folder, hubUrl, revision })).rejects.toMatchObject(error);
    }
    expect(await readdir(folder)).toEqual([]);
  });
});
