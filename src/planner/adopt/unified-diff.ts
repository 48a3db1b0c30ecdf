import { createTwoFilesPatch, FILE_HEADERS_ONLY, structuredPatch } from "diff";
import type { FileChange } from "./pending-files.ts";

const CONTEXT_LINES = 3;

/** The changes as `diff -u` would show them; `git apply` and `patch -p1` read it. */
export function unifiedDiff(changes: readonly FileChange[]): string {
  return changes
    .map(({ path, before, after }) =>
      createTwoFilesPatch(
        before === null ? "/dev/null" : `a/${path}`,
        `b/${path}`,
        textOf(before),
        textOf(after),
        undefined,
        undefined,
        {
          context: CONTEXT_LINES,
          headerOptions: FILE_HEADERS_ONLY,
        },
      ),
    )
    .join("");
}

/** Where a line of a file stands after a change of it, both counted from 1. */
export function movedLine({ before, after }: Pick<FileChange, "before" | "after">, line: number): number {
  const { hunks } = structuredPatch("", "", textOf(before), textOf(after), undefined, undefined, { context: 0 });
  const above = hunks.filter(({ oldStart, oldLines }) => oldStart + oldLines <= line);
  return above.reduce((now, { oldLines, newLines }) => now + newLines - oldLines, line);
}

/** UTF-8, else byte by byte: a file of tests may say in which encoding it is. */
function textOf(content: Buffer | null): string {
  if (content === null) return "";
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return content.toString("latin1");
  }
}
