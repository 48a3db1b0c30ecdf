import { Option } from "commander";
import type { Command } from "commander";
import { taskStates } from "../../contracts/index.ts";
import type { TaskState } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { limitOption, printList } from "../lists.ts";
import type { ListOptions } from "../lists.ts";
import { workerNames } from "../worker-names.ts";
import { taskColumns, taskRow } from "../task-rows.ts";

interface Options extends ConnectionOptions, ListOptions {
  status?: TaskState;
  worker?: string;
}

export function addTasksCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "tasks", "list tasks, of all runs or of one"))
    .argument("[run]", "only tasks of this run")
    .addOption(new Option("--status <state>", "only tasks in this state").choices(taskStates))
    .option("--worker <id>", "only tasks on this worker")
    .addOption(limitOption())
    .action(
      cli.action<Options>(async (invocation) => {
        const client = await clientFor(invocation);
        const { status, worker, limit } = invocation.options;
        const [runId] = invocation.args;
        const names = await workerNames(client);
        await printList(invocation.screen, "tasks", {
          items: client.tasks({ run_id: runId, status, worker_id: worker }),
          limit,
          columns: [{ header: "RUN" }, ...taskColumns],
          row: (task) => [task.run_id, ...taskRow(task, { style: invocation.screen.outStyle, names })],
        });
        return undefined;
      }),
    );
}
