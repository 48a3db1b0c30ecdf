import { closeSync, openSync, readSync } from "node:fs";

/** Which package of Debian has a library that browsers need, for those of a bare system. */
const debianPackages: readonly (readonly [RegExp, string])[] = [
  [/^lib(nss3|nssutil3|smime3|ssl3)\.so/, "libnss3"],
  [/^lib(nspr4|plc4|plds4)\.so/, "libnspr4"],
  [/^libexpat\.so/, "libexpat1"],
  [/^libgtk-3\.so/, "libgtk-3-0"],
  [/^libasound\.so/, "libasound2"],
  [/^libgbm\.so/, "libgbm1"],
];

/** `e_machine` of ELF files. */
const elfMachines: Readonly<Record<number, string>> = { 0x3e: "x64", 0xb7: "arm64" };
const ELF_MACHINE_AT = 18;

/** What to do about a browser that did not start, where its last words or its file tell; `{}` where they do not. */
export function startAdvice(executable: string, lastWords: string): { next?: string } {
  const library = /(lib[\w.+-]+\.so[.\d]*): cannot open shared object file/.exec(lastWords)?.[1];
  if (library !== undefined) {
    const name = debianPackages.find(([pattern]) => pattern.test(library))?.[1];
    const install = name === undefined ? "Install the package that has it." : `On Debian: \`apt-get install ${name}\`.`;
    return { next: `The library ${library} is missing. ${install}` };
  }
  const machine = elfMachine(executable);
  if (machine === undefined || elfMachines[machine] === process.arch) return {};
  const built = elfMachines[machine] ?? `machine ${machine}`;
  return { next: `It is built for ${built}, and this is ${process.arch}: install the browser for this machine.` };
}

/** Undefined for what is not an ELF file. */
function elfMachine(file: string): number | undefined {
  const head = Buffer.alloc(ELF_MACHINE_AT + 2);
  try {
    const opened = openSync(file, "r");
    try {
      readSync(opened, head);
    } finally {
      closeSync(opened);
    }
  } catch {
    return undefined;
  }
  return head.toString("latin1", 0, 4) === "\x7fELF" ? head.readUInt16LE(ELF_MACHINE_AT) : undefined;
}
