/** The option by which a framework runs the test of an id alone: it puts the names of a test together with spaces. */
export function exactName(option: string, id: string): string[] {
  const [, ...names] = id.split(" > ");
  if (names.length === 0) return [];
  const name = names.join(" ").replace(/ #\d+$/, "");
  return [option, `^${name.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)}$`];
}
