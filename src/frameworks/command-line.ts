/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A list in parts, each as large as a command line has room for; what is too large by itself is a part alone. */
export function fittingParts<Item>(
  items: readonly Item[],
  { most, sizeOf }: { most: number; sizeOf: (item: Item) => number },
): Item[][] {
  const parts: Item[][] = [];
  let room = -1;
  for (const item of items) {
    const size = sizeOf(item);
    if (room < size) {
      parts.push([]);
      room = most;
    }
    parts.at(-1)?.push(item);
    room -= size;
  }
  return parts;
}
