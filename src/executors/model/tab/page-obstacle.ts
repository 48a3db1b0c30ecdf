import { backendFacts } from "../backends/backend-names.ts";
import type { BackendName } from "../backends/backend-names.ts";

/** Where browsers offer what a provider computes with, and how people call it. */
const offers: Readonly<Record<string, { readonly member: string; readonly name: string }>> = {
  webgpu: { member: "gpu", name: "WebGPU" },
  webnn: { member: "ml", name: "WebNN" },
};

/** Why a backend cannot work in this page, where that is known without a try. */
export function pageObstacle(backend: BackendName): string | undefined {
  const { provider } = backendFacts[backend];
  const offer = offers[provider];
  if (offer !== undefined && !(offer.member in navigator)) return `this browser has no ${offer.name}`;
  if (provider === "webnn" && !allowsCodeOfText())
    return "the page's policy forbids code that is made of text, and the runtime's binding to WebNN is made so";
  return undefined;
}

function allowsCodeOfText(): boolean {
  try {
    return Reflect.construct(Function, [""]) instanceof Function;
  } catch {
    return false;
  }
}
