/** What a person gives to `go test`, apart. */
export interface GoArguments {
  /** Flags by which Go also says which packages there are. */
  build: readonly string[];
  flags: readonly string[];
  packages: readonly string[];
  /** From `-args` on: for the tests themselves. */
  after: readonly string[];
  /** Which tests: the part of `-run` before the first slash. */
  pattern: string;
}

/** Flags without a value of their own. */
const SWITCHES = new Set(
  "a,asan,benchmem,buildvcs,c,cover,failfast,fullpath,i,json,linkshared,modcacherw,msan,n,race,short,trimpath,v,work,x".split(
    ",",
  ),
);
/** Those that Assay sets. */
const OURS = new Set(["bench", "benchmem", "c", "count", "i", "json", "list", "n", "o", "v"]);
const BUILD = new Set(["mod", "modfile", "overlay", "tags"]);

export function goArguments(given: readonly string[]): GoArguments {
  const end = given.findIndex((one) => /^--?args$/.test(one));
  const own = end < 0 ? given : given.slice(0, end);
  const [build, flags, packages]: string[][] = [[], [], []];
  let pattern = ".";
  for (let index = 0; index < own.length; index += 1) {
    const one = own[index] ?? "";
    if (!one.startsWith("-")) {
      packages?.push(one);
      continue;
    }
    const [name = "", ...value] = one.replace(/^--?(test\.)?/, "").split("=");
    const isWhole = value.length > 0 || SWITCHES.has(name);
    if (!isWhole) index += 1;
    const words = isWhole ? [one] : [one, own[index] ?? ""];
    if (name === "run") pattern = (isWhole ? value.join("=") : (words[1] ?? "")).split("/")[0] || ".";
    else if (!OURS.has(name)) (BUILD.has(name) ? build : flags)?.push(...words);
  }
  return {
    build: build ?? [],
    flags: flags ?? [],
    packages: packages?.length ? packages : ["./..."],
    after: end < 0 ? [] : given.slice(end),
    pattern,
  };
}
