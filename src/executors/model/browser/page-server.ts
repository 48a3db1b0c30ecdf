import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, extname, join } from "node:path";
import type { ModelFolder } from "../../../models/index.ts";
import { webRuntime } from "./web-runtime.ts";

/** Isolation gives a page threads and a clock of 5 µs. */
const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};
const contentTypes: Readonly<Record<string, string>> = {
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".onnx": "application/octet-stream",
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>Assay</title><link rel="icon" href="data:,">
<script type="module" src="/program.mjs"></script>`;

export const RUNTIME_ADDRESS = "/runtime";

/** What a page needs, on an address that only this machine reaches. */
export interface PageServer extends AsyncDisposable {
  readonly address: string;
  /** Where the page finds the model's files. */
  readonly files: Pick<ModelFolder, "modelFile" | "dataFiles">;
}

export async function servePage(content: {
  program: string;
  model: Pick<ModelFolder, "modelFile" | "dataFiles">;
}): Promise<PageServer> {
  const { modelFile, dataFiles } = content.model;
  const { folder: runtimeFolder } = webRuntime();
  const modelFiles = new Map([modelFile, ...dataFiles.map(({ file }) => file)].map((file) => [modelPath(file), file]));
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    const fileOfModel = modelFiles.get(path);
    const runtimeFile = /^\/runtime\/([\w.-]+\.(?:mjs|wasm))$/.exec(path)?.[1];
    if (path === "/") sendText(response, "text/html", PAGE);
    else if (path === "/program.mjs") sendText(response, "text/javascript", content.program);
    else if (runtimeFile !== undefined) void sendFile(response, join(runtimeFolder, runtimeFile));
    else if (fileOfModel !== undefined) void sendFile(response, fileOfModel);
    else response.writeHead(404, HEADERS).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address,
    files: {
      modelFile: address + modelPath(modelFile),
      dataFiles: dataFiles.map(({ name, file }) => ({ name, file: address + modelPath(file) })),
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const modelPath = (file: string): string => `/model/${encodeURIComponent(basename(file))}`;

function sendText(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { ...HEADERS, "content-type": `${type}; charset=utf-8` }).end(text);
}

async function sendFile(response: ServerResponse, file: string): Promise<void> {
  const facts = await stat(file).catch(() => undefined);
  if (facts === undefined) return void response.writeHead(404, HEADERS).end();
  const type = contentTypes[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, { ...HEADERS, "content-type": type, "content-length": facts.size });
  createReadStream(file)
    .on("error", () => response.destroy())
    .pipe(response);
}
