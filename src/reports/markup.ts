import type { StateColour } from "./state-word.ts";

/** What formats with markup share: text that stays text, and colours that can be read on light and on dark. */

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for an element or an attribute of HTML or XML, which holds no control characters. */
export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[&<>"]/g, (sign) => entities[sign] ?? sign)
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\u{FFFD}");
}

export const page = {
  text: ["#1b1f24", "#e6e8eb"],
  ground: ["#fff", "#14171a"],
  line: ["#d8dce1", "#343a40"],
} as const;

/** Colours of states, on light and on dark. */
export const stateColours: Readonly<Record<StateColour, readonly [light: string, dark: string]>> = {
  green: ["#126b2f", "#5fd38d"],
  red: ["#b3261e", "#ff8a80"],
  yellow: ["#7a5200", "#f2c14e"],
  cyan: ["#0b6b7a", "#6ad4e5"],
  dim: ["#59636e", "#9aa4af"],
};
