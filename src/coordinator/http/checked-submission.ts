import {
  MAX_TASKS_PER_RUN,
  ObjectCheck,
  checkedTask,
  identifierText,
  listCheck,
  submitRunRequest,
} from "../../contracts/index.ts";

/** What the schema of a submitted run makes of a body, in less time for many tasks; undefined when the schema must be asked. */
export const checkedSubmission = new ObjectCheck(submitRunRequest, {
  name: identifierText,
  tasks: listCheck(checkedTask, MAX_TASKS_PER_RUN),
}).check;
