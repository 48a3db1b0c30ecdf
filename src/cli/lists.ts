import { Option } from "commander";
import type { Screen } from "./context.ts";
import { wholeNumber } from "./option-values.ts";
import { renderTable } from "./table.ts";
import type { Column } from "./table.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000_000;

export interface ListOptions {
  limit: number;
}

/** `--limit`, of every list. */
export function limitOption(): Option {
  return new Option("--limit <count>", "most items to show")
    .default(DEFAULT_LIMIT)
    .argParser(wholeNumber(1, MAX_LIMIT));
}

/** What a list shows of each item. */
export interface ListView<Item> {
  items: AsyncIterable<Item>;
  limit: number;
  columns: readonly Column[];
  row: (item: Item) => readonly string[];
}

/** Prints a list as a table, or with `--json` as `{ [name]: [...], more: boolean }`. Fetches no more than it shows; gives what it showed. */
export async function printList<Item>(screen: Screen, name: string, view: ListView<Item>): Promise<readonly Item[]> {
  const { items, more } = await take(view.items, view.limit);
  const look = { style: screen.outStyle, width: screen.width };
  const table = (): string[] => (items.length === 0 ? [] : renderTable(view.columns, items.map(view.row), look));
  screen.result(table, { [name]: items, more });
  if (items.length === 0 && !screen.json) screen.info(`no ${name}`);
  if (more && !screen.json) screen.info(`there are more ${name}; --limit shows them`);
  return items;
}

async function take<Item>(source: AsyncIterable<Item>, limit: number): Promise<{ items: Item[]; more: boolean }> {
  const items: Item[] = [];
  for await (const item of source) {
    if (items.length === limit) return { items, more: true };
    items.push(item);
  }
  return { items, more: false };
}
