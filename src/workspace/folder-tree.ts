import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { canonicalJson } from "../base/index.ts";
import type { FolderEntry } from "../contracts/index.ts";

/** Something at a path below a folder. */
export type TreeEntry =
  | { kind: "file"; path: string; sha256: string; size: number; executable: boolean }
  | { kind: "link"; path: string; target: string }
  /** Needs to be named only when nothing is in it. */
  | { kind: "folder"; path: string };

/** A listing of a folder, as it is stored. */
export interface ListedFolder {
  bytes: Uint8Array;
  /** Digests of the folders in it. */
  folders: readonly string[];
  /** Digests of the files in it. */
  files: readonly string[];
}

/** A folder as digests. */
export interface FolderTree {
  root: string;
  /** By digest; what is in a folder stands before it. */
  folders: ReadonlyMap<string, ListedFolder>;
}

interface Node {
  entries: FolderEntry[];
  folders: Map<string, Node>;
}

export function folderTree(entries: Iterable<TreeEntry>): FolderTree {
  const nodes = new Map<string, Node>([["", { entries: [], folders: new Map() }]]);
  for (const entry of entries) {
    if (entry.kind === "folder") nodeAt(entry.path, nodes);
    else nodeAt(parentOf(entry.path), nodes).entries.push(entryOf(entry));
  }
  const folders = new Map<string, ListedFolder>();
  return { root: listed(nodeAt("", nodes), folders), folders };
}

export function digestOf(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Of a file that is too large for memory. */
export async function digestOfFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function nodeAt(path: string, nodes: Map<string, Node>): Node {
  const known = nodes.get(path);
  if (known !== undefined) return known;
  const node: Node = { entries: [], folders: new Map() };
  nodes.set(path, node);
  nodeAt(parentOf(path), nodes).folders.set(nameOf(path), node);
  return node;
}

function entryOf(entry: Exclude<TreeEntry, { kind: "folder" }>): FolderEntry {
  const name = nameOf(entry.path);
  if (entry.kind === "link") return { kind: "link", name, target: entry.target };
  const { sha256, size, executable } = entry;
  return { kind: "file", name, sha256, size, ...(executable ? { executable } : {}) };
}

/** Adds the folder and all in it, and gives its digest. */
function listed({ entries, folders }: Node, found: Map<string, ListedFolder>): string {
  const inside = [...folders].map(([name, node]) => ({ kind: "folder" as const, name, sha256: listed(node, found) }));
  const all: FolderEntry[] = [...entries, ...inside].sort((a, b) => (a.name < b.name ? -1 : 1));
  const bytes = new TextEncoder().encode(canonicalJson({ entries: all }));
  const sha256 = digestOf(bytes);
  const files = entries.flatMap((entry) => (entry.kind === "file" ? [entry.sha256] : []));
  if (!found.has(sha256)) found.set(sha256, { bytes, folders: inside.map((one) => one.sha256), files });
  return sha256;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
