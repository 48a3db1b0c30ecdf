import { matchesGlob } from "node:path";

/**
 * Tells which paths patterns mean: one with a slash is compared with the path and the folders above it, one without with each of their names,
 * as git does it. What is in a folder that is meant is meant too.
 */
export function pathMatcher(patterns: readonly string[]): (path: string) => boolean {
  // What stands before `/**` or `/` is a folder, all of which is meant, files whose names begin with a dot included.
  const shortened = patterns.map((pattern) => pattern.replace(/\/(\*\*)?$/, ""));
  const names = shortened.filter((pattern) => !pattern.includes("/"));
  const paths = shortened.filter((pattern) => pattern.includes("/")).map((pattern) => pattern.replace(/^\.?\//, ""));
  const folders = new Map<string, boolean>();
  const isMeant = (path: string): boolean => {
    const slash = path.lastIndexOf("/");
    if (slash > 0 && isFolderMeant(path.slice(0, slash))) return true;
    const name = path.slice(slash + 1);
    return names.some((pattern) => matchesGlob(name, pattern)) || paths.some((pattern) => matchesGlob(path, pattern));
  };
  const isFolderMeant = (folder: string): boolean => {
    const known = folders.get(folder);
    if (known !== undefined) return known;
    const meant = isMeant(folder);
    folders.set(folder, meant);
    return meant;
  };
  return patterns.length === 0 ? () => false : isMeant;
}
