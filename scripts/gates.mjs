// The gates of `npm run check`, each a command of node_modules/.bin.

/** Slowest first, so that two lanes end at about the same time. */
export const GATES = [
  { name: "lint", command: ["oxlint"] },
  { name: "unused", command: ["knip", "--no-progress"] },
  { name: "types", command: ["tsc", "--noEmit"] },
  { name: "docs", command: ["node", "scripts/check-docs.ts"] },
  { name: "format", command: ["oxfmt", "--check"] },
  { name: "imports", command: ["node", "scripts/check-imports.ts"] },
  { name: "size", command: ["node", "scripts/check-size.ts"] },
  { name: "generated", command: ["node", "scripts/generate.ts", "--check"] },
];
