/** Whether a JSON text has an escape of half a character at all: seldom, and quick to see. */
const HALF = /\\u[dD][89a-fA-F]/;
/** Every escape, so that an escaped backslash is not taken for the start of one; a pair of halves is one. */
const ESCAPE = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[dD][89a-fA-F][\da-fA-F]{2}|[^])/g;
const LONE_LENGTH = 6;

/**
 * The same JSON text with U+FFFD in place of escaped halves of characters (lone surrogates). UTF-8 has none, so that a text with
 * one would come back from the journal as another than it was.
 */
export function wellFormedJson(text: string): string {
  if (!HALF.test(text)) return text;
  return text.replaceAll(ESCAPE, (escape) => (escape.length === LONE_LENGTH ? "\\ufffd" : escape));
}
