import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { eventLines } from "../event-lines.ts";
import { findPython } from "../find-python.ts";
import type { FrameworkPlace, MarkOrder, MarkWish, UnmetWish } from "../framework.ts";
import { markerSettings, withMarkers } from "./marker-settings.ts";
import type { MarkerSettings } from "./marker-settings.ts";
import { selectingTags } from "./selecting-tags.ts";

const program = fileURLToPath(new URL("./assay_marks.py", import.meta.url));

const wishSchema = z.object({ file: z.string(), names: z.array(z.string()), tag: z.string() });
/** What the program answers for a file. */
const answer = z.union([
  z.object({ problem: z.string() }),
  z.object({ inserts: z.array(z.tuple([z.int(), z.string()])), missing: z.array(wishSchema) }),
]);
type Answer = z.infer<typeof answer>;

/** Settings with which pytest looks elsewhere for its own. */
const OTHER_SETTINGS = /^(-c|--config-file|--rootdir)(=|$)/;

/** Puts `@pytest.mark.TAG` above tests, or `pytestmark` into their file, and registers the marker. */
export async function markTests(place: FrameworkPlace, order: MarkOrder): Promise<UnmetWish[]> {
  const unmet: UnmetWish[] = [];
  const refuse = (wishes: readonly MarkWish[], reason: string): void => {
    unmet.push(...wishes.map((wish) => ({ wish, reason })));
  };
  const settings = await settingsOf(place, order);
  if (typeof settings === "string") {
    refuse(order.wishes, settings);
    return unmet;
  }
  const selecting = await selectingTags(place, order, settings.path);
  for (const [tag, where] of selecting) {
    const own = order.wishes.filter((wish) => wish.tag === tag);
    refuse(own, `${where} chooses tests by the marker ${tag}`);
  }
  const jobs: { path: string; content: Buffer; wishes: MarkWish[] }[] = [];
  const open = order.wishes.filter(({ tag }) => !selecting.has(tag));
  for (const [file, wishes] of Map.groupBy(open, (wish) => wish.file)) {
    const path = join(place.folder, file);
    const content = await order.files.read(path);
    const objection = content === null ? "it is not there" : await order.files.objection(path);
    if (content === null || objection !== null) refuse(wishes, objection ?? "it is not there");
    else jobs.push({ path, content, wishes });
  }
  const answers = jobs.length === 0 ? [] : await askProgram(place, jobs);
  const tags = new Set<string>();
  for (const [index, { path, content, wishes }] of jobs.entries()) {
    const said = answers[index] ?? { problem: "the program that reads it ended" };
    if ("problem" in said) {
      refuse(wishes, said.problem);
      continue;
    }
    const missing = new Set(said.missing.map(keyOf));
    const [without, met] = [
      wishes.filter((one) => missing.has(keyOf(one))),
      wishes.filter((one) => !missing.has(keyOf(one))),
    ];
    refuse(without, "there is no place for a marker in it");
    for (const { tag } of met) tags.add(tag);
    if (said.inserts.length > 0) order.files.write(path, inserted(content, said.inserts));
  }
  await register(settings, order, tags);
  return unmet;
}

function keyOf({ file, names, tag }: MarkWish): string {
  return JSON.stringify([file, names, tag]);
}

/** Where markers are registered, or why they cannot be. */
async function settingsOf(
  { folder, arguments: given }: FrameworkPlace,
  { files, version, meanings }: MarkOrder,
): Promise<MarkerSettings | string> {
  if (given.some((argument) => OTHER_SETTINGS.test(argument))) return "its arguments name other settings";
  const settings = await markerSettings(files, { folder, version });
  if (settings === null) return "markers would have to be registered above the project";
  const objection = await files.objection(settings.path);
  if (objection !== null) return `${settings.path} cannot hold markers: ${objection}`;
  const text = (await files.read(settings.path))?.toString("latin1") ?? "";
  const markers = [...meanings].map(([name, meaning]) => ({ name, meaning }));
  if (withMarkers(text, settings, markers) === null)
    return `${settings.path} has its markers in a form that is not read`;
  return settings;
}

async function register(
  settings: MarkerSettings,
  { files, meanings }: MarkOrder,
  tags: ReadonlySet<string>,
): Promise<void> {
  const markers = [...tags].map((name) => ({ name, meaning: meanings.get(name) ?? name }));
  const before = (await files.read(settings.path))?.toString("latin1") ?? "";
  const after = withMarkers(before, settings, markers);
  if (markers.length > 0 && after !== null && after !== before)
    files.write(settings.path, Buffer.from(after, "latin1"));
}

async function askProgram(
  place: FrameworkPlace,
  jobs: readonly { content: Buffer; wishes: readonly MarkWish[] }[],
): Promise<Answer[]> {
  const { executable } = await findPython("pytest", place);
  // Its own folder is not to be taken for a place of modules.
  const child = await place.starter.start([executable, "-I", program], { cwd: dirname(program) });
  const asked = jobs.map(({ content, wishes }) => ({ content: content.toString("base64"), wishes }));
  child.commands.end(`${JSON.stringify(asked)}\n`);
  const answers: Answer[] = [];
  for await (const line of eventLines(child.events)) answers.push(answer.parse(line));
  await child.exited;
  return answers;
}

/** The bytes with the texts put in; texts for one place keep their order. */
function inserted(content: Buffer, inserts: readonly (readonly [number, string])[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const [offset, text] of inserts.toSorted(([a], [b]) => a - b)) {
    parts.push(content.subarray(at, offset), Buffer.from(text, "latin1"));
    at = offset;
  }
  return Buffer.concat([...parts, content.subarray(at)]);
}
