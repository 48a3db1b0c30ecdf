/**
 * Does something with each item, with at most `limit` of them at a time. After the first failure nothing more is begun; it settles when
 * everything that was begun has ended, and rejects with that failure.
 */
export async function inParallel<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  action: (item: T) => Promise<unknown>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const begin = (item: T): void => {
    const task = (async () => action(item))()
      .catch((error: unknown) => failures.push(error))
      .then(() => void running.delete(task));
    running.add(task);
  };
  try {
    for await (const item of items) {
      if (failures.length > 0) break;
      begin(item);
      if (running.size >= limit) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}
