import { expect, it } from "vitest";

import { ROOT, runNode } from "./run-script.ts";

it("prints one line per gate, and the output of the failed ones only", async () => {
  const gates = [
    { name: "good", command: ["node", "-e", "console.log(`quiet`)"] },
    { name: "bad", command: ["node", "-e", "console.error(`loud`);process.exit(3)"] },
    { name: "absent", command: ["no-such-tool-of-assay"] },
  ];
  const program = `
    import { runGates } from ${JSON.stringify(`${ROOT}/scripts/check.mjs`)};
    console.log(JSON.stringify(await runGates(${JSON.stringify(gates)})));`;
  const { stdout } = await runNode(["--input-type=module", "-e", program]);
  expect(stdout).toMatch(/^good +ok +\d/m);
  expect(stdout).toMatch(/^bad +failed +\d/m);
  expect(stdout).toMatch(/^absent +failed +\d/m);
  expect(stdout).toContain("loud");
  expect(stdout).toContain("ENOENT");
  expect(stdout).not.toMatch(/^quiet/m);
  expect(stdout).toContain(`{"passed":1,"failed":2}`);
});
