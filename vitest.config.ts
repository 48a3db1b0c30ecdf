import { defineConfig } from "vitest/config";

/** Shared by both projects: real processes and real engines need room, and two cores carry two workers. */
export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    watch: false,
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts", "scripts/**/*.test.ts"] } },
      { extends: true, test: { name: "e2e", include: ["test/**/*.test.ts"], testTimeout: 180_000 } },
    ],
  },
});
