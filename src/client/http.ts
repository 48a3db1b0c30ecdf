import type { z } from "zod";
import { AssayError, errorMessage } from "../base/index.ts";
import { assayError, errorResponse } from "../contracts/index.ts";

const TRIES = 4;

export interface HttpOptions {
  /** Address of the coordinator, e.g. `http://127.0.0.1:7777`. */
  baseUrl: string;
  token: string;
  /** For tests and special networks. */
  fetch?: typeof globalThis.fetch;
}

export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, instead of JSON. */
  content?: Content | undefined;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

/** Bytes of a request. Streams cannot be sent twice. */
export interface Content {
  type: string;
  sizeBytes: number;
  bytes: Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>;
}

/** Requests to one coordinator: every failure is an AssayError, either the coordinator's own or `coordinator_unreachable`. */
export class Http {
  private readonly options: HttpOptions;

  constructor(options: HttpOptions) {
    this.options = options;
  }

  /** A request whose answer is JSON of a known shape. */
  async json<Schema extends z.ZodType>(path: string, schema: Schema, call: Call = {}): Promise<z.infer<Schema>> {
    const response = await this.response(path, call);
    const parsed = schema.safeParse(await this.read(() => response.json()));
    if (parsed.success) return parsed.data;
    throw assayError(
      "internal",
      `The coordinator answered ${path} in a shape this client does not know: ${parsed.error.message}`,
      {
        next: "Install the same Assay version on both sides.",
      },
    );
  }

  /** A request whose answer is not read. */
  async send(path: string, call: Call): Promise<void> {
    const response = await this.response(path, call);
    await this.read(() => response.arrayBuffer());
  }

  /** The answer itself, once it is a success. */
  async response(path: string, call: Call = {}): Promise<Response> {
    const { fetch = globalThis.fetch, token } = this.options;
    const sent = sentWith(call);
    const init: RequestInit = {
      method: call.method ?? "GET",
      headers: {
        authorization: `Bearer ${token}`,
        ...sent?.headers,
        ...call.headers,
      },
      ...sent?.init,
      ...(call.signal ? { signal: call.signal } : {}),
    };
    const response = await this.read(() => fetch(this.url(path, call.query), init), call.signal);
    if (!response.ok) throw await refusal(response);
    return response;
  }

  /** Reads a part of an answer; a connection that breaks is `coordinator_unreachable`. */
  async read<Value>(action: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof AssayError || signal?.aborted) throw error;
      const cause = error instanceof Error && error.cause ? `: ${errorMessage(error.cause)}` : "";
      throw assayError(
        "coordinator_unreachable",
        `The coordinator at ${this.options.baseUrl} does not answer: ${errorMessage(error)}${cause}`,
        { cause: error },
      );
    }
  }

  private url(path: string, query: Call["query"]): string {
    const url = new URL(path, this.options.baseUrl);
    for (const [name, value] of Object.entries(query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return url.href;
  }
}

/** The body of a request and what its headers say of it. */
function sentWith({ body, content }: Call): { headers: Record<string, string>; init: RequestInit } | undefined {
  if (content !== undefined) {
    const { type, sizeBytes, bytes } = content;
    return {
      headers: { "content-type": type, "content-length": String(sizeBytes) },
      // `fetch` takes a stream only with these words.
      init: bytes instanceof ReadableStream ? { body: bytes, duplex: "half" } : { body: bytes },
    };
  }
  if (body === undefined) return undefined;
  return { headers: { "content-type": "application/json" }, init: { body: JSON.stringify(body) } };
}

async function refusal(response: Response): Promise<AssayError> {
  const text = await response.text().catch(() => "");
  try {
    const { error } = errorResponse.parse(JSON.parse(text));
    return new AssayError(error.code, {
      ...error,
      details: { status: response.status, ...(error.path === undefined ? {} : { path: error.path }) },
    });
  } catch {
    return assayError(
      "coordinator_unreachable",
      `The address answers with HTTP ${response.status}, but not as a coordinator does.`,
    );
  }
}

/** Calls again, a few times, while the connection breaks: for what may be asked twice. */
export async function persistently<Value>(call: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const broken = error instanceof AssayError && error.code === "coordinator_unreachable";
      if (!broken || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
    }
  }
}

/** The text of an answer, line by line, without line ends. */
export async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const parts = rest.split(/\r\n|\n|\r(?!$)/);
    rest = parts.pop() ?? "";
    yield* parts;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest.replace(/\r$/, "");
}
