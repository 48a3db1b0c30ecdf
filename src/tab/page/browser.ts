/** What a page has, as far as it is used here. The project is typed for Node, which has none of it. */
export interface PageElement {
  textContent: string | null;
  hidden: boolean;
  value: string;
  disabled: boolean;
  replaceChildren(...children: PageElement[]): void;
  prepend(child: PageElement): void;
  addEventListener(type: "click" | "submit", listener: (event: { preventDefault(): void }) => void): void;
}

interface PageStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

interface PageGlobals {
  readonly isSecureContext: boolean;
  readonly location: { readonly origin: string; readonly hash: string; readonly pathname: string; reload(): void };
  readonly history: { replaceState(data: null, unused: string, url: string): void };
  readonly localStorage: PageStorage;
  readonly sessionStorage: PageStorage;
  readonly document: {
    readonly visibilityState: "visible" | "hidden";
    getElementById(id: string): PageElement | null;
    createElement(name: string): PageElement;
    addEventListener(type: "visibilitychange", listener: () => void): void;
    removeEventListener(type: "visibilitychange", listener: () => void): void;
  };
  readonly navigator: {
    readonly userAgent: string;
    readonly hardwareConcurrency?: number;
    readonly deviceMemory?: number;
    readonly wakeLock?: { request(type: "screen"): Promise<{ release(): Promise<void> }> };
    readonly locks: {
      request(
        name: string,
        options: { ifAvailable: true } | { signal: AbortSignal },
        held: (lock: object | null) => Promise<void>,
      ): Promise<void>;
    };
  };
  readonly Worker: new (url: string, options: { type: "module" }) => unknown;
  addEventListener(type: "pagehide" | "pageshow", listener: (event: { persisted: boolean }) => void): void;
}

export const page = globalThis as unknown as PageGlobals;
