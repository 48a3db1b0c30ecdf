import { randomUUID } from "node:crypto";
import { access, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What the system of a worker cannot have as names. */
export interface NameRules {
  windows: boolean;
  /** Names that differ only in case, or in how an accent is written, are one name. */
  foldsCase: boolean;
}

/** Not allowed in names on Windows, nor is a point or a space at the end. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[<>:"|?*\u0000-\u001F]|[. ]$/;
/** Devices, whatever the extension. */
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[1-9¹²³]|lpt[1-9¹²³])(\.|$)/i;

/** Why the names of a folder cannot be there together; undefined when they can. */
export function nameFault(names: readonly string[], { windows, foldsCase }: NameRules): string | undefined {
  const wrong = windows ? names.find((name) => FORBIDDEN.test(name) || RESERVED.test(name)) : undefined;
  if (wrong !== undefined) return `${JSON.stringify(wrong)} cannot be a name on Windows`;
  if (!foldsCase) return undefined;
  const seen = new Map<string, string>();
  for (const name of names) {
    const folded = name.normalize("NFC").toLowerCase();
    const other = seen.get(folded);
    if (other !== undefined) return `${JSON.stringify(other)} and ${JSON.stringify(name)} are one name on this system`;
    seen.set(folded, name);
  }
  return undefined;
}

/** The rules of the disk on which a folder is, found out by trying. */
export async function nameRulesOf(folder: string): Promise<NameRules> {
  const name = `case-${randomUUID()}`;
  const path = join(folder, name);
  await writeFile(path, "");
  try {
    const foldsCase = await access(join(folder, name.toUpperCase())).then(
      () => true,
      () => false,
    );
    return { windows: process.platform === "win32", foldsCase };
  } finally {
    await rm(path, { force: true });
  }
}
