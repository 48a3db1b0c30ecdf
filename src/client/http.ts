import type { z } from "zod";
import { AssayError, errorMessage } from "../base/index.ts";
import { assayError, errorResponse } from "../contracts/index.ts";

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
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
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
    const init: RequestInit = {
      method: call.method ?? "GET",
      headers: {
        authorization: `Bearer ${token}`,
        ...(call.body === undefined ? {} : { "content-type": "application/json" }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
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
