import { mkdirSync } from "node:fs";
import { expect, test } from "vitest";
import { checkOut, gitAddress } from "./git-revision.ts";
import { gitIn, Scratch, textOf } from "./workspace-acceptance.ts";

const { env } = process;

test("addresses with and without a revision, and what is none", () => {
  expect(gitAddress("git+https://host.example/team/project.git@v2")).toEqual({
    url: "https://host.example/team/project.git",
    ref: "v2",
    name: "project",
  });
  expect(gitAddress("https://user@host.example/p@feature/x")).toEqual({
    url: "https://user@host.example/p",
    ref: "feature/x",
    name: "p",
  });
  expect(gitAddress("git@host.example:team/p.git")).toEqual({
    url: "git@host.example:team/p.git",
    ref: undefined,
    name: "p",
  });
  for (const text of [".", "/a/b", "examples/pytest", "C:\\a", "-x", "--upload-pack=x", "ext::sh -c x"])
    expect(gitAddress(text)).toBeUndefined();
  for (const ref of ["--upload-pack=x", "-f", "a:b", "a b", ""])
    expect(() => gitAddress(`https://host.example/p@${ref}`)).toThrow("is not a revision");
});

test("a branch, a tag, a commit and a short one are had; others are named", async () => {
  await using scratch = new Scratch();
  const origin = scratch.project("origin.git", { f: "one" });
  gitIn(origin, "init");
  const commit = (text: string): string => {
    scratch.project("origin.git", { f: text });
    gitIn(origin, "add", ".");
    gitIn(origin, "commit", "-m", text);
    return gitIn(origin, "rev-parse", "HEAD").trim();
  };
  const first = commit("one");
  gitIn(origin, "tag", "v1");
  commit("two");
  gitIn(origin, "checkout", "-b", "side/branch");
  commit("three");
  gitIn(origin, "checkout", "main");
  let number = 0;
  const got = async (ref: string): Promise<string> => {
    number += 1;
    const folder = scratch.path(`clone-${number}`);
    mkdirSync(folder);
    const address = gitAddress(`file://${origin}${ref}`);
    if (address === undefined) throw new Error("no address");
    await checkOut(address, folder, { env });
    return textOf(folder, "f");
  };
  expect(await got("")).toBe("two");
  expect(await got("@side/branch")).toBe("three");
  expect(await got("@v1")).toBe("one");
  expect(await got(`@${first}`)).toBe("one");
  expect(await got(`@${first.slice(0, 8)}`)).toBe("one");
  await expect(got("@nothing")).rejects.toMatchObject({
    code: "unknown_revision",
    message: expect.stringContaining("it has no such revision") as string,
  });
});
