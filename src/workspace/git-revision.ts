import { assayError } from "../contracts/index.ts";
import { git } from "./git.ts";
import type { GitOptions } from "./git.ts";

/** A repository elsewhere, and what is meant of it. */
export interface GitAddress {
  url: string;
  /** A branch, a tag or a commit; undefined for what the repository shows first. */
  ref: string | undefined;
  /** Of the repository, without `.git`. */
  name: string;
}

const SCHEME = /^(?:git\+)?((?:https?|ssh|file|git):\/\/[^/]*)(\/.*)$/;
const SHORT = /^([\w.-]+@[\w.-]+:)(.+)$/;
/** A name that is no option and no pattern, and means nothing else to git. */
const REF = /^[^-\s:^~?*[\\][^\s:^~?*[\\]*$/;

/** What `url@ref` means, e.g. `https://host/project.git@v2` or `git@host:project.git`; undefined when it is no address of git. */
export function gitAddress(text: string): GitAddress | undefined {
  const [, start, path] = SCHEME.exec(text) ?? SHORT.exec(text) ?? [];
  if (start === undefined || path === undefined) return undefined;
  const at = path.indexOf("@");
  const place = at < 0 ? path : path.slice(0, at);
  const ref = at < 0 ? undefined : path.slice(at + 1);
  if (ref !== undefined && !REF.test(ref))
    throw assayError("unknown_revision", `${JSON.stringify(ref)} is not a revision`);
  const name = /([^/:]+?)(?:\.git)?\/*$/.exec(place)?.[1] ?? "project";
  return { url: start + place, ref, name };
}

/** Gets one revision into an empty folder, without its history where the other side can do that. Errors: unknown_revision, dependency_missing. */
export async function checkOut(
  { url, ref }: GitAddress,
  folder: string,
  options: Omit<GitOptions, "cwd">,
): Promise<void> {
  const run = (...args: string[]) => git(args, { ...options, cwd: folder });
  const failed = (said: string) =>
    assayError("unknown_revision", `git does not get ${ref ?? "anything"} from ${url}: ${said.trim()}`, {
      next: "Correct the address or the revision; `git fetch` by hand shows the same.",
    });
  const begun = await run("init", "--quiet", ".");
  if (begun.exitCode !== 0) throw failed(begun.stderr);
  const shallow = await run("fetch", "--quiet", "--depth", "1", "--", url, ref ?? "HEAD");
  let revision = "FETCH_HEAD";
  if (shallow.exitCode !== 0) {
    if (ref === undefined) throw failed(shallow.stderr);
    // Short commits, and those that are not at the end of a branch, are found in the whole history only.
    const whole = await run("fetch", "--quiet", "--tags", "--", url, "+refs/heads/*:refs/remotes/origin/*");
    if (whole.exitCode !== 0) throw failed(whole.stderr);
    const known = await run("rev-parse", "--verify", "--quiet", `${ref}^{commit}`);
    if (known.exitCode !== 0) throw failed("it has no such revision");
    revision = known.stdout.toString().trim();
  }
  const done = await run("checkout", "--quiet", "--detach", revision);
  if (done.exitCode !== 0) throw failed(done.stderr);
}
