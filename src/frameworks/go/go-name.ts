/** The pattern by which Go runs exactly these tests: several at the top, or one below another. */
export function goPattern(names: readonly string[]): string {
  const [first = ""] = names;
  if (names.length === 1)
    return first
      .split("/")
      .map((part) => `^${escaped(part)}$`)
      .join("/");
  return `^(${names.map(escaped).join("|")})$`;
}

function escaped(name: string): string {
  return name.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}
