/** Every error that a user can meet: what it means and what to do. The codes are stable; `docs/errors.md` is made from this table. */
export const errorCatalogue = {
  // Input
  bad_request: {
    meaning: "The request does not have the shape that the API expects.",
    next: "Correct the field that the message names.",
  },
  unknown_field: {
    meaning: "A document has a field that Assay does not know.",
    next: "Remove or rename the field; an editor with the JSON Schema shows the known ones.",
  },
  invalid_field: {
    meaning: "A field has the wrong type or a value out of range.",
    next: "Correct the value at the path that the message names.",
  },
  invalid_syntax: {
    meaning: "A suite or template file is not valid YAML or JSON.",
    next: "Correct the file at the line that the message names.",
  },
  invalid_encoding: { meaning: "A suite or template file is not UTF-8 text.", next: "Save the file as UTF-8." },
  suite_too_large: { meaning: "A suite is larger than the limit of 8 MiB.", next: "Split it into several suites." },
  suite_not_found: { meaning: "The suite or template file does not exist or cannot be read.", next: "Check the path." },
  duplicate_task_id: { meaning: "Two tasks of one run have the same id.", next: "Give each task its own task_id." },
  missing_dependency: {
    meaning: "A task depends on a task that the run does not have.",
    next: "Correct depends_on, or add the task.",
  },
  cyclic_dependency: {
    meaning: "Tasks depend on each other in a circle.",
    next: "Remove one of the dependencies that the message names.",
  },
  impossible_requirement: {
    meaning: "No known worker could ever run the task.",
    next: "Correct the requirements, start a worker that has them, or submit with wait_for_capacity.",
  },
  too_few_workers: {
    meaning: "A run was to be distributed, and there are fewer than two workers for it.",
    next: "Start more with `assay worker`, or leave --distributed out.",
  },
  too_many_tasks: { meaning: "A run has more tasks than the limit.", next: "Split it into several runs." },
  nothing_matched: { meaning: "The selection holds no task.", next: "Widen the selection." },
  framework_missing: {
    meaning: "A test framework, or the interpreter that it needs, is not installed where its tests are to run.",
    next: "Install it as the message says.",
  },
  discovery_failed: {
    meaning: "A test framework could not say which tests it has.",
    next: "Run the command that the message names and mend what it reports.",
  },
  no_tests_found: {
    meaning: "A folder has no tests of a framework that Assay knows, or the selection left none.",
    next: "Name the framework in assay.yaml, or widen the selection.",
  },
  adoption_edited: {
    meaning: "A file is not any more as `assay adopt` left it, or read it.",
    next: "Keep the file and take the markers out by hand, or put the adopted text back and undo again.",
  },
  file_read_only: {
    meaning: "A file that is to be changed is read-only, or a link.",
    next: "Give write permission to the files that the message names, or put files where there are links.",
  },
  changes_unknown: {
    meaning: "What changed since a commit cannot be found out.",
    next: "Run it in a git repository, with a commit that is there: a shallow clone lacks the older ones.",
  },
  workspace_refused: {
    meaning: "A file of a workspace cannot be shipped: its name, its kind or its size.",
    next: "Rename, remove or exclude the file that the message names.",
  },
  workspace_incomplete: {
    meaning: "A file of a workspace is not there where the worker asks for it, or is damaged.",
    next: "Submit the run again: missing files are sent anew.",
  },
  setup_step_failed: {
    meaning: "A step that prepares a workspace failed on a worker.",
    next: "Read its output in the log of the attempt; run the same line by hand.",
  },
  unknown_revision: {
    meaning: "Git does not know a revision, or the folder is not in a repository.",
    next: "Fetch the revision, or correct its name.",
  },
  unknown_model: {
    meaning: "No model has this name: not built in, not a folder, not found on the hub.",
    next: "See `assay models`, or give the path of a model folder.",
  },
  model_file_missing: {
    meaning: "A model folder lacks a file that is needed.",
    next: "Add the file, or take another model.",
  },
  model_unreadable: {
    meaning: "A model's file is damaged, or is of another kind.",
    next: "Export or download the model again.",
  },
  model_unsupported: {
    meaning: "A model has inputs or outputs that Assay cannot fill or read.",
    next: "Take another export of the model.",
  },
  hub_unreachable: {
    meaning: "The model hub could not be reached.",
    next: "Check the network, or give the path of a model folder.",
  },
  unknown_template: {
    meaning: "No template has this name, or not this version.",
    next: "`assay templates list` shows what there is.",
  },
  template_cycle: {
    meaning: "Templates extend each other in a circle.",
    next: "Take one `extends` of those that the message names away.",
  },
  template_mismatch: {
    meaning: "A template is not for this model or this hardware.",
    next: "Take another template, or leave the model or hardware out.",
  },
  bad_parameter: {
    meaning: "A parameter of a template is missing, unknown, or has a value that it does not take.",
    next: "`assay templates show NAME` tells its parameters.",
  },
  // Identity
  unauthenticated: {
    meaning: "The request has no valid token.",
    next: "Pass --token, set ASSAY_TOKEN, or make a token with `assay token create`.",
  },
  token_expired: { meaning: "The token's time is over.", next: "Make a new one with `assay token create`." },
  token_revoked: { meaning: "The token was revoked.", next: "Ask an administrator for a new one." },
  forbidden: {
    meaning: "The token's role does not allow this.",
    next: "Use a token of the role that the message names.",
  },
  // Things that are not there
  not_found: { meaning: "There is no such thing.", next: "Check the id; the list commands show what exists." },
  conflict: {
    meaning: "The request contradicts what is already stored.",
    next: "Look at what the message names, then decide which one is right.",
  },
  // Worker link
  protocol_version: {
    meaning: "The two sides speak different protocol versions.",
    next: "Install the same Assay version on both sides.",
  },
  bad_frame: {
    meaning: "A frame could not be decoded or does not match its schema.",
    next: "Update the side that sent it; the message names the field.",
  },
  frame_too_large: { meaning: "A frame is larger than 1 MiB.", next: "Send large data as an artifact." },
  out_of_order: {
    meaning: "Frames arrived out of order.",
    next: "The session is closed; the worker connects again by itself.",
  },
  hello_timeout: {
    meaning: "The worker did not introduce itself in time.",
    next: "Check that the client is an Assay worker.",
  },
  session_replaced: {
    meaning: "The same worker connected again, so the older session was closed.",
    next: "Give each worker its own name or data folder.",
  },
  journal_put_back: {
    meaning: "The coordinator's journal ends before what this worker has seen of it: an old backup was restored.",
    next: "The worker forgets the leases and results it has and connects again by itself.",
  },
  heartbeat_timeout: {
    meaning: "The other side was silent for too long.",
    next: "The worker connects again by itself.",
  },
  slow_reader: {
    meaning: "The other side does not read fast enough.",
    next: "The worker connects again by itself; check its load.",
  },
  rate_limited: { meaning: "Too many requests or frames in a short time.", next: "Wait a moment and send fewer." },
  not_leader: {
    meaning: "This coordinator is not, or no longer, the leader.",
    next: "Connect again; the worker does so by itself.",
  },
  shutting_down: { meaning: "The coordinator is stopping.", next: "Connect again when it is back." },
  coordinator_unreachable: {
    meaning: "No coordinator answers at this address.",
    next: "Start one with `assay coordinator`, or correct --coordinator.",
  },
  // Storage
  data_dir_locked: {
    meaning: "Another coordinator uses this data folder.",
    next: "Stop it, or take another --data-dir.",
  },
  data_dir_read_only: {
    meaning: "The data folder cannot be written.",
    next: "Give write permission, or take another --data-dir.",
  },
  disk_full: { meaning: "The disk is full.", next: "Free some space; nothing that was accepted is lost." },
  journal_broken: {
    meaning: "The journal has a gap, or a batch does not match its hash.",
    next: "Restore the data folder from a backup; the message names the batch.",
  },
  journal_unavailable: {
    meaning: "The journal could not be written.",
    next: "See the cause in the message; the coordinator takes no new work until it is solved.",
  },
  results_broken: {
    meaning: "The file of results is damaged.",
    next: "Stop the coordinator and run `assay rebuild`; where the journal was trimmed, restore the file from a backup.",
  },
  schema_newer: { meaning: "The data was written by a newer Assay.", next: "Update Assay." },
  blob_mismatch: { meaning: "An artifact's content does not match its digest.", next: "Send it again." },
  blob_too_large: { meaning: "An artifact is larger than the limit.", next: "Write less, or split it." },
  bad_blob_batch: {
    meaning: "A batch of blobs breaks off, or is over its limits.",
    next: "Send it again, in smaller batches if the message names a limit.",
  },
  bad_query: { meaning: "The SQL statement is wrong or not allowed.", next: "Correct it; only reading is allowed." },
  bad_series: {
    meaning: "A file is not a series of finite numbers.",
    next: "Correct the value or the column that the message names.",
  },
  // Set-up
  port_in_use: { meaning: "Another program listens on this port.", next: "Take another --port, or 0 for a free one." },
  tls_files: { meaning: "The TLS certificate or key cannot be used.", next: "Check --tls-cert and --tls-key." },
  dependency_missing: { meaning: "An optional part is not installed.", next: "Install what the message names." },
  browser_not_started: {
    meaning: "A browser that models are to run in did not start.",
    next: "Read its last words in the message; start it by hand with the same user and environment.",
  },
  usage: { meaning: "The command line is wrong.", next: "See `assay --help`." },
  interrupted: { meaning: "The run was interrupted.", next: "Start it again." },
  internal: { meaning: "Assay has a bug.", next: "Report it with the log." },
} as const satisfies Record<string, { meaning: string; next: string }>;

export type ErrorCode = keyof typeof errorCatalogue;
