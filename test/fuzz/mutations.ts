import type { Rng } from "../../src/base/index.ts";

/** What breaks readers: the ends of number ranges, keys of prototypes, text that is no Unicode, things of another type. */
const NASTY: readonly (() => unknown)[] = [
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => Number.NEGATIVE_INFINITY,
  () => -0,
  () => -1,
  () => 0.5,
  () => 2 ** 53,
  () => Number.MAX_SAFE_INTEGER,
  () => 1e308,
  () => 5e-324,
  () => 253_402_300_800_000,
  () => "",
  () => " ",
  () => "\ud800",
  () => "a\udc00\u0000b",
  () => "__proto__",
  () => "constructor",
  () => "\u202e\ufeff💥",
  () => "'; drop table results; --",
  () => "../../etc/passwd",
  () => "x".repeat(600),
  () => null,
  () => undefined,
  () => true,
  () => [],
  () => ({}),
  () => nested(8),
  () => nested(40),
  () => withOwnProto(),
];
/** What is larger than any field may be: seldom, because it takes its time. */
const LARGE: readonly (() => unknown)[] = [
  () => "x".repeat(70_000),
  () => Array.from({ length: 21_000 }, (_, index) => index + 1),
  // Up to three in one another: the packer recurses.
  () => nested(500),
];
const LARGE_PART = 0.01;

const KEYS = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "extra",
  "n",
  "type",
  "",
  "\ud800",
];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** A key `__proto__` of its own, as a JSON text can make it. */
function withOwnProto(): unknown {
  return JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
}

function nastyValue(rng: Rng): unknown {
  return pick(rng, rng.next() < LARGE_PART ? LARGE : NASTY)();
}

export function pick<Item>(rng: Rng, items: readonly Item[]): Item {
  return items[rng.below(items.length)] as Item;
}

type Container = Record<string, unknown> | unknown[];

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

/** Walks down to some container inside the value. */
function descend(rng: Rng, root: Container): Container {
  let at = root;
  for (;;) {
    const below = Object.values(at).filter(isContainer);
    if (below.length === 0 || rng.next() < 0.3) return at;
    at = pick(rng, below);
  }
}

function set(target: Container, key: string, value: unknown): void {
  // An assignment would set the prototype.
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Changes one to three places of a document, in place: other values, missing and additional fields, repeated items. */
export function mutate(rng: Rng, document: Container): void {
  for (let count = 1 + rng.below(3); count > 0; count -= 1) {
    const target = descend(rng, document);
    const keys = Object.keys(target);
    const key = keys.length > 0 ? pick(rng, keys) : "0";
    const kind = rng.below(10);
    if (kind < 6) set(target, key, nastyValue(rng));
    else if (kind < 7) Reflect.deleteProperty(target, key);
    else if (Array.isArray(target)) target.push(...structuredClone(target.slice(0, 8)));
    else set(target, pick(rng, KEYS), nastyValue(rng));
  }
}

/** Flips, cuts, repeats and inserts bytes. */
export function mutateBytes(rng: Rng, bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  const at = rng.below(Math.max(copy.length, 1));
  switch (rng.below(5)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      for (let count = 1 + rng.below(4); count > 0; count -= 1) copy[rng.below(copy.length)] = rng.below(256);
      return copy;
    case 2:
      return Buffer.concat([copy.subarray(0, at), randomBytes(rng, 1), copy.subarray(at)]);
    case 3:
      return Buffer.concat([copy, copy.subarray(at, at + 16)]);
    default:
      return randomBytes(rng, 1 + rng.below(64));
  }
}

function randomBytes(rng: Rng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => rng.below(256));
}

/** A copy of plain data. */
export function cloned<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(cloned) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, cloned(one as unknown)])) as Value;
}
