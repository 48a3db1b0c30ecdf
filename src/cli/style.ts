import { styleText } from "node:util";

/** A stream as far as looks are concerned. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export type Colour = "green" | "red" | "yellow" | "cyan" | "dim" | "bold";

/** How text may look on a stream. */
export interface Style {
  readonly colour: boolean;
  /** False where signs beyond ASCII would come out as rubbish. */
  readonly unicode: boolean;
}

export interface StyleEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
}

/** Reads NO_COLOR, FORCE_COLOR, TERM and the locale; colours otherwise only on a terminal. */
export function styleOf(output: Pick<Output, "isTTY">, { env, platform }: StyleEnvironment): Style {
  return { colour: hasColour(output, env), unicode: hasUnicode(env, platform) };
}

function hasColour(output: Pick<Output, "isTTY">, env: StyleEnvironment["env"]): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: term } = env;
  if (force !== undefined) return force !== "0" && force !== "false";
  if (no !== undefined && no !== "") return false;
  return output.isTTY === true && term !== "dumb";
}

function hasUnicode(env: StyleEnvironment["env"], platform: string): boolean {
  if (env["TERM"] === "dumb") return false;
  if (platform === "win32" || platform === "darwin") return true;
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return /utf-?8/i.test(locale ?? "");
}

/** Text in a colour, where the style allows it. */
export function paint(style: Style, colour: Colour, text: string): string {
  return style.colour ? styleText(colour, text, { validateStream: false }) : text;
}

const plainSigns: ReadonlyMap<string, string> = new Map([
  ["✓", "+"],
  ["✕", "x"],
  ["▶", ">"],
  ["–", "-"],
  ["…", "..."],
  ["→", "->"],
  ["×", "x"],
  ["·", "-"],
]);

/** Our own signs in ASCII, where the style asks for it; what people wrote stays as it is. */
export function plain(style: Style, text: string): string {
  if (style.unicode) return text;
  return text.replaceAll(/[✓✕▶–…→×·]/g, (sign) => plainSigns.get(sign) ?? sign);
}

/** Text from elsewhere on one line, without control characters: it may not steer the terminal. */
export function harmless(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");
}

/** The same for several lines. */
export function harmlessLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => harmless(line.replaceAll("\t", "  ")).trimEnd());
}
