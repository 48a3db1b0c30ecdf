import { expect, test } from "vitest";
import { submitRunRequest } from "../../contracts/index.ts";
import { checkedSubmission } from "./checked-submission.ts";

const task = { task_id: "t", type: "command", config: { command: "true" } };

test.each([
  { name: "r", tasks: [task] },
  { name: "r", wait_for_capacity: true, tasks: [task, { ...task, task_id: "u", priority: 1, depends_on: ["t"] }] },
])("makes of %j what the schema makes of it", (body) => {
  expect(checkedSubmission(body)).toStrictEqual(submitRunRequest.parse(body));
});

test.each([
  null,
  [],
  {},
  { name: "r" },
  { name: "r", tasks: [] },
  { name: "r", tasks: [task, { ...task, task_id: "" }] },
  { name: "r", tasks: [task], more: 1 },
  { name: "a b", tasks: [task] },
  { name: "r", wait_for_capacity: 1, tasks: [task] },
])("leaves %j to the schema, which refuses it", (body) => {
  expect(checkedSubmission(body)).toBeUndefined();
  expect(submitRunRequest.safeParse(body).success).toBe(false);
});
