/**
 * The first key that an object of a JSON text has twice, with its offset; `JSON.parse` keeps the last one without a word.
 * The text must be valid JSON.
 */
export function jsonDuplicateKey(text: string): { key: string; offset: number } | undefined {
  /** Keys seen so far of each open object; null for an open array. */
  const open: (Set<string> | null)[] = [];
  let keyComesNext = false;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    const keys = open.at(-1);
    if (token.startsWith('"') && keyComesNext && keys) {
      const key = String(JSON.parse(token));
      if (keys.has(key)) return { key, offset: index };
      keys.add(key);
    }
    keyComesNext = token === "{" || token === ",";
  }
  return undefined;
}
