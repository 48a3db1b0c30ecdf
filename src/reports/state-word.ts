/** How a state is told: word, sign and colour, so that none of them is needed alone. */
export interface StateWord {
  readonly word: string;
  readonly sign: string;
  readonly colour: StateColour;
}

/** Green is what can be relied on, red what does not work, yellow what needs a look, cyan what is under way, dim what is not known. */
export type StateColour = "green" | "red" | "yellow" | "cyan" | "dim";

const kind =
  (sign: string, colour: StateColour) =>
  (word: string): StateWord => ({ sign, word, colour });

/** The kinds of states: those of one kind look alike everywhere. */
export const good = kind("✓", "green");
export const bad = kind("✕", "red");
export const trouble = kind("!", "yellow");
export const active = kind("▶", "cyan");
export const waiting = kind("~", "dim");
export const out = kind("–", "dim");

/** `✓ works` */
export function signed({ sign, word }: StateWord): string {
  return `${sign} ${word}`;
}
