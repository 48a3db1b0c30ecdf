import { describe, expect, it } from "vitest";
import { dependencyFault } from "./index.ts";

const task = (task_id: string, ...depends_on: string[]) => ({ task_id, depends_on });

describe("dependencyFault", () => {
  it("accepts a diamond in any order", () => {
    expect(dependencyFault([task("d", "b", "c"), task("b", "a"), task("c", "a"), task("a")])).toBeUndefined();
  });

  it("names only the tasks of the circle, not the way to it", () => {
    const found = dependencyFault([task("start", "x"), task("x", "y"), task("y", "x")]);
    expect(found).toMatchObject({ code: "cyclic_dependency", path: "tasks[1].depends_on" });
    expect(found?.message).toBe("tasks depend on each other in a circle: x → y → x");
  });

  it("finds a task that depends on itself", () => {
    expect(dependencyFault([task("a", "a")])?.message).toMatch(/a → a$/);
  });

  it("follows a chain as long as a run", () => {
    const chain = Array.from({ length: 100_000 }, (_, index) =>
      index === 0 ? task("t0") : task(`t${index}`, `t${index - 1}`),
    );
    expect(dependencyFault(chain.toReversed())).toBeUndefined();
    expect(dependencyFault([...chain.slice(1), task("t0", "t99999")])?.code).toBe("cyclic_dependency");
  });
});
