import type { DiscoveredTest, ProcessStarter } from "../../frameworks/index.ts";
import type { ProjectSuite } from "../../contracts/index.ts";
import { languageOf, SourceReader } from "../sources/source-reader.ts";
import { changedFiles } from "./changed-files.ts";
import type { ChangedFile, Changes } from "./changed-files.ts";
import { folderOf, foldersOf, within } from "./file-tree.ts";
import { ImportGraph, isGuess } from "./import-graph.ts";
import type { Link } from "./import-graph.ts";
import { isDocument, isSettings } from "./settings-files.ts";

/** One file of a chain, and why it depends on the next; the last one changed. */
export interface ChainStep {
  file: string;
  line: number | null;
  how: Link["how"] | "changed";
}

/** Why all tests are chosen. */
export interface Unknown {
  file: string;
  reason: string;
}

/** What a change may concern. Files are relative to the top of the repository. */
export interface ChangeImpact {
  since: string;
  base: string;
  changed: ChangedFile[];
  /** Not empty: every test is chosen. */
  unknown: Unknown[];
  /** Changed files on which no test depends. */
  without: string[];
  /** From a test's file to a file that changed; undefined when nothing that it depends on did. */
  chainOf: (suite: Pick<ProjectSuite, "directory">, test: Pick<DiscoveredTest, "file">) => ChainStep[] | undefined;
}

export interface ImpactQuestion {
  folder: string;
  since: string;
  suites: readonly { suite: Pick<ProjectSuite, "directory">; tests: readonly Pick<DiscoveredTest, "file">[] }[];
  starter: ProcessStarter;
}

/**
 * Which test files depend on what changed since a commit, by imports, settings, and names in texts. In doubt a test is chosen, and a
 * file of which nobody tells who reads it chooses all. Error: changes_unknown.
 */
export async function impactOf({ folder, since, suites, starter }: ImpactQuestion): Promise<ChangeImpact> {
  const changes = await changedFiles(folder, since, starter.env);
  const place = ({ directory }: Pick<ProjectSuite, "directory">): string => within(changes.prefix, directory) ?? "";
  const pathOf: (suite: Pick<ProjectSuite, "directory">, file: string) => string | undefined = (suite, file) =>
    within(place(suite), file);
  const tests = new Set(
    suites.flatMap(({ suite, tests: own }) => own.flatMap(({ file }) => pathOf(suite, file) ?? [])),
  );
  const reader = new SourceReader(changes.top, { folder, starter });
  const graph = await ImportGraph.of(changes, reader, [...suites.map(({ suite }) => place(suite))]);
  const reached = await graph.reachedFrom([...tests]);
  const chains = chainsTo(changes.changed, reached);
  const known = new Set([...tests, ...explained(reached)]);
  const unknown = unknownOf(changes, { known, reached });
  const isUnknown = new Set(unknown.map(({ file }) => file));
  return {
    since,
    base: changes.base,
    changed: changes.changed,
    unknown,
    without: changes.changed.map(({ file }) => file).filter((file) => !known.has(file) && !isUnknown.has(file)),
    chainOf(suite, { file }) {
      const path = pathOf(suite, file);
      if (path === undefined || languageOf(path) === undefined) return [{ file, line: null, how: "cannot be read" }];
      return chains.get(path);
    },
  };
}

/** The shortest way from each file to one that changed: all at once, from what changed backwards. */
function chainsTo(
  changed: readonly ChangedFile[],
  reached: ReadonlyMap<string, readonly Link[]>,
): Map<string, ChainStep[]> {
  const users = new Map<string, { file: string; link: Link }[]>();
  for (const [file, links] of reached) {
    for (const link of links) {
      const known = users.get(link.to);
      if (known === undefined) users.set(link.to, [{ file, link }]);
      else known.push({ file, link });
    }
  }
  const chains = new Map<string, ChainStep[]>();
  for (const { file } of changed) chains.set(file, [{ file, line: null, how: "changed" }]);
  // A map gives what is added while it is walked through, too.
  for (const [file, chain] of chains) {
    for (const { file: user, link } of users.get(file) ?? []) {
      if (!chains.has(user)) chains.set(user, [{ file: user, line: link.line, how: link.how }, ...chain]);
    }
  }
  return chains;
}

/**
 * Changed files of which nothing tells who reads them. Outside of the project only those count that lie in a folder around something that
 * its tests reach: other projects in the repository have data of their own.
 */
function unknownOf(
  { changed, prefix }: Changes,
  { known, reached }: { known: ReadonlySet<string>; reached: ReadonlyMap<string, unknown> },
): Unknown[] {
  const around = new Set([...reached.keys()].flatMap(foldersOf));
  return changed
    .filter(({ file }) => !known.has(file) && !isHarmless(file))
    .filter(({ file }) => file.startsWith(prefix) || around.has(folderOf(file)))
    .map(({ file }) => ({ file, reason: "nothing tells which tests read it" }));
}

/** Sources that nobody imports, settings of other folders, and what is written for people concern nobody. */
function isHarmless(file: string): boolean {
  return languageOf(file) !== undefined || isSettings(file) || isDocument(file);
}

/** The files on which something that is reached depends for sure. */
function explained(reached: ReadonlyMap<string, readonly Link[]>): Set<string> {
  return new Set([...reached.values()].flatMap((links) => links.flatMap((link) => (isGuess(link) ? [] : [link.to]))));
}
