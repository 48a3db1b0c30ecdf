const MAX_CHARACTERS = 200;
/** Fewer characters of a secret say nothing of it, and are found by chance. */
const TELLING_CHARACTERS = 3;

/** Makes short, printable quotations of what a server said, in which no secret appears. */
export type Excerpt = (text: string) => string;

export function excerpts(secrets: Readonly<Record<string, string>>): Excerpt {
  // Longest first: one may be a part of another.
  const hidden = Object.entries(secrets)
    .flatMap(([name, value]) => [value, JSON.stringify(value).slice(1, -1)].map((text) => ({ name, text })))
    .toSorted((a, b) => b.text.length - a.text.length);
  return (text) => {
    let shown = text;
    // Before it is cut, since half a secret is one, too; and what comes may have been cut already.
    for (const secret of hidden) {
      shown = withoutBeginning(shown.replaceAll(secret.text, `[${secret.name}]`), secret);
    }
    const cut = shown.length > MAX_CHARACTERS ? `${shown.slice(0, MAX_CHARACTERS)}…` : shown;
    // Control characters and halves of pairs would change the terminal or document they come into.
    return cut
      .toWellFormed()
      .replaceAll(/[\p{Cc}\p{Cf}]/gu, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`);
  };
}

/** A text that does not end with the beginning of a secret. */
function withoutBeginning(text: string, { name, text: secret }: { name: string; text: string }): string {
  for (let length = Math.min(secret.length - 1, text.length); length >= TELLING_CHARACTERS; length--) {
    if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}[${name}]`;
  }
  return text;
}
