import { MAX_PAGE } from "../../contracts/index.ts";
import type { Page } from "../../contracts/index.ts";

/** The items of all pages of a list, each page fetched when it is needed. */
export async function* allItems<Item>(
  list: (paging: { limit: number; cursor?: string | undefined }) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await list({ limit: MAX_PAGE, cursor });
    yield* page.items;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/** The first item of a list for which the test holds, or `null`. */
export async function firstItem<Item>(items: AsyncIterable<Item>, test: (item: Item) => boolean): Promise<Item | null> {
  for await (const item of items) if (test(item)) return item;
  return null;
}
