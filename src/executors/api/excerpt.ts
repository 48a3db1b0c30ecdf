const MAX_CHARACTERS = 200;

/** Makes short, printable quotations of what a server said, in which no secret appears. */
export type Excerpt = (text: string) => string;

export function excerpts(secrets: Readonly<Record<string, string>>): Excerpt {
  // Longest first: one may be a part of another.
  const hidden = Object.entries(secrets).toSorted(([, a], [, b]) => b.length - a.length);
  return (text) => {
    let shown = text;
    // Before it is cut: half a secret is one, too.
    for (const [name, value] of hidden) {
      shown = shown.replaceAll(value, `[${name}]`).replaceAll(JSON.stringify(value).slice(1, -1), `[${name}]`);
    }
    // Control characters and halves of pairs would change the terminal or document they come into.
    const cut = shown.length > MAX_CHARACTERS ? `${shown.slice(0, MAX_CHARACTERS)}…` : shown;
    return cut
      .toWellFormed()
      .replaceAll(/[\p{Cc}\p{Cf}]/gu, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`);
  };
}
