/** 32 characters that nobody takes for another, in print or aloud. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH = 10;
const READ_ALIKE: Readonly<Record<string, string>> = { O: "0", I: "1", L: "1" };

/**
 * A new code of 50 random bits for people to read and type, e.g. `7K2QX-0MZ4T`. Few, when only a few guesses are allowed in the
 * minutes that it is good for; more than can be tried in that time by who has read its digest.
 *
 * @param randomBytes gives that many bytes from a source fit for secrets, e.g. `randomBytes` of `node:crypto`
 */
export function newJoinCode(randomBytes: (count: number) => Uint8Array): string {
  const characters = Array.from(randomBytes(LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]);
  return `${characters.slice(0, LENGTH / 2).join("")}-${characters.slice(LENGTH / 2).join("")}`;
}

/** A code as it was made, whatever case, spaces and look-alikes it was typed with. */
export function readJoinCode(typed: string): string {
  const plain = typed
    .toUpperCase()
    .replaceAll(/[\s-]/g, "")
    .replaceAll(/[OIL]/g, (letter) => READ_ALIKE[letter] ?? letter);
  return `${plain.slice(0, LENGTH / 2)}-${plain.slice(LENGTH / 2)}`;
}
