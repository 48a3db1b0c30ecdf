/** What a person gives to `cargo test`, apart. */
export interface CargoArguments {
  /** For Cargo. */
  cargo: readonly string[];
  /** From those, what says how to build: no choice of packages, targets and names. */
  build: readonly string[];
  /** For the tests: what chooses among them. */
  tests: readonly string[];
  /** Whether Cargo would run the tests of binaries, and those in the documentation. */
  binaries: boolean;
  documentation: boolean;
}

const TARGETS = new Set([
  "lib",
  "bins",
  "bin",
  "examples",
  "example",
  "tests",
  "test",
  "benches",
  "bench",
  "all-targets",
]);
const PACKAGES = new Set(["p", "package", "workspace", "all", "exclude", "manifest-path", "doc"]);
/** Options of Cargo that take the next word, where no `=` follows them. */
const VALUED = new Set(
  "p,package,exclude,bin,example,test,bench,F,features,profile,j,jobs,target,target-dir,manifest-path,config,Z,color".split(
    ",",
  ),
);
/** Of the tests: how many at once and how they are told is Assay's. */
const OURS = new Set([
  "test-threads",
  "nocapture",
  "no-capture",
  "show-output",
  "format",
  "color",
  "q",
  "quiet",
  "logfile",
]);
const OURS_VALUED = new Set(["test-threads", "format", "color", "logfile"]);

export function cargoArguments(given: readonly string[]): CargoArguments {
  const end = given.includes("--") ? given.indexOf("--") : given.length;
  const words = groups(given.slice(0, end), VALUED);
  const has = (names: ReadonlySet<string>): boolean => words.some(({ name }) => names.has(name));
  const isDoc = has(new Set(["doc"]));
  const ofTests = groups(given.slice(end + 1), OURS_VALUED).filter(({ name }) => !OURS.has(name));
  const how = words.filter(({ name }) => name !== "" && !TARGETS.has(name) && !PACKAGES.has(name));
  return {
    cargo: [...words.flatMap(({ all }) => all), ...(has(TARGETS) || isDoc ? [] : ["--tests"])],
    build: how.flatMap(({ all }) => all),
    tests: ofTests.flatMap(({ all }) => all),
    binaries: !isDoc,
    documentation: isDoc || !has(TARGETS),
  };
}

/** Options with their values; what is no option has no name. */
function groups(words: readonly string[], valued: ReadonlySet<string>): { name: string; all: string[] }[] {
  const found: { name: string; all: string[] }[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    const [, name = ""] = /^--?([^=]+)/.exec(word) ?? [];
    const takesNext = valued.has(name) && !word.includes("=");
    if (takesNext) index += 1;
    found.push({ name, all: takesNext ? [word, words[index] ?? ""] : [word] });
  }
  return found;
}
