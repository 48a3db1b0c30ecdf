import { chmod, open, rename, rm } from "node:fs/promises";
import { errorCode } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/** Writes a secret to a file that only its owner can read (mode 0600), in one step: a reader sees the old text or the new. */
export async function writeSecretFile(path: string, secret: string): Promise<void> {
  const temporary = `${path}.new`;
  // A leftover of a crash might have another mode; "wx" then never writes into a file that somebody else prepared.
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", OWNER_ONLY);
  try {
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  // The umask may have taken bits away.
  await chmod(temporary, OWNER_ONLY);
  await rename(temporary, path);
}

/**
 * Reads a secret file; `null` when there is none.
 *
 * @throws AssayError `forbidden` when users other than the owner have any access. Windows has no such mode and is not checked.
 */
export async function readSecretFile(path: string, platform: string = process.platform): Promise<string | null> {
  const file = await open(path, "r").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  });
  if (file === null) return null;
  try {
    const { mode } = await file.stat();
    if (platform !== "win32" && (mode & OTHERS) !== 0) {
      throw assayError(
        "forbidden",
        `${path} holds a token, but other users have access to it (mode ${(mode & 0o777).toString(8)})`,
        {
          next: `Run chmod 600 ${path}. If somebody may have read it, revoke the token and make a new one.`,
        },
      );
    }
    return (await file.readFile("utf8")).trim();
  } finally {
    await file.close();
  }
}
