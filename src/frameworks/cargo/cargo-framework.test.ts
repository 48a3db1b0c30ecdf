import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { hasProgram, runTests, scratchProject } from "../framework-acceptance.ts";
import { PlainStarter } from "../plain-starter.ts";
import { cargo } from "./cargo-framework.ts";
import { LibtestOutput } from "./libtest-output.ts";
import type { LibtestEnd } from "./libtest-output.ts";

const manifest = (name: string, more = ""): string =>
  `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n${more}`;
const library = `/// \`\`\`
/// assert_eq!(all::add(1, 2), 3);
/// \`\`\`
/// \`\`\`
/// assert_eq!(all::add(1, 2), 4);
/// \`\`\`
/// \`\`\`compile_fail
/// all::nothing();
/// \`\`\`
pub fn add(a: i32, b: i32) -> i32 { a + b }
#[cfg(test)]
mod tests {
    use super::*;
    #[test] fn passes() { println!("test tests::other ... ok"); assert_eq!(add(1, 1), 2); }
    #[test] fn fails() { println!("said before"); assert_eq!(add(1, 1), 3, "the sum"); }
    #[test] #[ignore = "not now"] fn is_ignored() {}
    #[test] #[should_panic(expected = "boom")] fn must_panic() { panic!("boom") }
    #[test] #[should_panic(expected = "boom")] fn must_panic_so() { panic!("other") }
    #[test] fn gives_an_error() -> Result<(), String> { Err("an error".into()) }
    #[test] fn prints_no_end() { print!("no end"); std::process::Command::new("echo").arg("from another").status().unwrap(); }
    #[test] fn other() {}
    #[test] fn knows_its_place() {
        assert!(std::env::current_dir().unwrap().join("Cargo.toml").exists());
        assert_eq!(std::env::var("CARGO_PKG_NAME").unwrap(), "all");
        assert_eq!(std::env::var("CARGO_MANIFEST_DIR").unwrap(), std::env::current_dir().unwrap().to_str().unwrap());
    }
}
`;
const ends = `
#[test] fn a_before() {}
#[test] fn b_aborts() { std::process::abort() }
#[test] fn c_exits() { std::process::exit(0) }
#[test] fn d_after() {}
`;
const flaky = `
#[test] fn flaky() { if !std::path::Path::new("tried").exists() { std::fs::write("tried", "").unwrap(); panic!("first") } }
#[test] fn never() { panic!("always") }
`;

describe.skipIf(!hasProgram("cargo", "--version"))("Cargo", () => {
  test("every outcome is what cargo test itself says, where and as Cargo runs it", async () => {
    await using project = await scratchProject({
      "Cargo.toml": `[workspace]\nmembers = ["all", "more"]\nresolver = "2"\n`,
      "all/Cargo.toml": manifest("all"),
      "all/src/lib.rs": library,
      "more/Cargo.toml": manifest("more", '[[test]]\nname = "own"\nharness = false\n'),
      "more/src/main.rs": "fn main() {}\n#[test] fn of_main() {}\n",
      "more/tests/own.rs": 'fn main() { println!("its own"); }',
      "more/tests/ends.rs": ends,
      "more/tests/flaky.rs": flaky,
    });
    expect(await cargo.clue(project.folder)).toMatchObject({ file: "Cargo.toml" });
    expect(await cargo.installed?.(project.place())).toEqual({ cargo: expect.stringMatching(/^\d/) });
    const { tests, problems } = await cargo.discover(project.place());
    expect(problems).toEqual([]);
    const ids = tests.map(({ id }) => id).filter((id) => !id.includes("/ends.rs") && !id.includes("/flaky.rs"));
    expect(tests.find(({ id }) => id.endsWith("is_ignored"))?.skip).toBe("ignored");
    const session = await cargo.open(project.options({ retries: 1 }));
    const { end, results } = await runTests(session, ids);
    expect(end).toBeNull();
    const ours = Array.from(results.values(), ({ id, outcome }) => `${id.split(" > ")[1] ?? "its own"} ${outcome}`);
    expect(ours.toSorted()).toEqual([...(await ownOutcomes(project.folder)), "its own passed"].toSorted());
    const result = (name: string) => results.get(`all/src/lib.rs > tests::${name}`);
    expect(result("fails")).toMatchObject({
      message: expect.stringMatching(/panicked at .*\n.*the sum\n  left: 2\n right: 3$/),
      output: expect.stringContaining("said before"),
      retries: 1,
    });
    expect(result("is_ignored")?.message).toBe("not now");
    expect(result("must_panic_so")?.message).toContain('panic message: "other"');
    expect(result("gives_an_error")?.message).toBe('Error: "an error"');

    const more = await runTests(session, ["more/tests/flaky.rs", "all/src/lib.rs > tests::gone"]);
    expect(Array.from(more.results.values(), ({ id, outcome, retries }) => [id, outcome, retries])).toEqual([
      ["all/src/lib.rs > tests::gone", "error", undefined],
      ["more/tests/flaky.rs > flaky", "passed", 1],
      ["more/tests/flaky.rs > never", "failed", 1],
    ]);
    const broken = await runTests(session, ["more/tests/ends.rs"]);
    expect(broken.end).toEqual({ exitCode: null, signal: "SIGABRT" });
    expect(broken.events.at(-1)).toEqual({ kind: "started", id: "more/tests/ends.rs > b_aborts" });
    expect([...broken.results.keys()]).toEqual(["more/tests/ends.rs > a_before"]);
    await session.close();
    const exits = await cargo.open(project.options({ arguments: ["-p", "more", "--test", "ends"] }));
    const last = await runTests(exits, ["more/tests/ends.rs > c_exits", "more/tests/ends.rs > d_after"]);
    await exits.close();
    expect(last.end).toEqual({ exitCode: 1, signal: null });
    expect(last.events.at(-1)).toEqual({ kind: "started", id: "more/tests/ends.rs > c_exits" });
  });

  test("what cannot be built is told with its file, and arguments choose", async () => {
    await using project = await scratchProject({
      "Cargo.toml": manifest("all", "[features]\nbroken = []\n"),
      "src/lib.rs": '#[cfg(feature = "broken")]\nfn broken() { nothing() }\n#[test] fn one() {}\n#[test] fn two() {}\n',
    });
    const { tests } = await cargo.discover(project.place("--lib", "--", "--skip", "two"));
    expect(tests.map(({ id }) => id)).toEqual(["src/lib.rs > one"]);
    const broken = ["--features", "broken"];
    const { problems } = await cargo.discover(project.place(...broken));
    expect(problems[0]).toEqual({
      file: "src/lib.rs",
      message: expect.stringContaining("cannot find function `nothing`"),
    });
    const session = await cargo.open(project.options({ arguments: broken }));
    const { results } = await runTests(session, ["src/lib.rs > one"]);
    await session.close();
    expect(results.get("src/lib.rs > one")).toMatchObject({
      outcome: "error",
      message: expect.stringContaining("nothing"),
    });
    await expect(cargo.discover(project.place("--features", "gone"))).rejects.toMatchObject({
      code: "discovery_failed",
    });
  });
});

test("a machine without Cargo says how to get it, and a test has a line that runs it alone", async () => {
  await using project = await scratchProject({ "Cargo.toml": manifest("none"), "src/lib.rs": "" });
  expect(await cargo.clue(project.folder)).toBeNull();
  await expect(
    cargo.discover({ ...project.place(), starter: new PlainStarter({ PATH: join(project.folder, "no") }) }),
  ).rejects.toMatchObject({ code: "framework_missing", next: expect.stringContaining("Install Rust") });
  const line = (id: string): string => cargo.reproduce({ id, file: id.split(" > ")[0] ?? "" }).join(" ");
  expect(line("tests/it.rs > a::b")).toBe("cargo test --test it -- --exact a::b");
  expect(line("src/lib.rs > a::b")).toBe("cargo test --tests -- --exact a::b");
  expect(line("src/lib.rs > src/lib.rs - add (line 3)")).toBe("cargo test --doc -- 3)");
});

test("a verdict that is not clear, much output and what comes in pieces", () => {
  const told: LibtestEnd[] = [];
  const started: string[] = [];
  const output = new LibtestOutput(["a", "b ... c", "d", "e"], {
    start: (name) => started.push(name),
    end: (end) => told.push(end),
    nowMs: () => 0,
  });
  const text = `\nrunning 4 tests\ntest a ... ${"noise ".repeat(200_000)}\ntest f ... ok\nok\ntest b ... c - should panic ... FAILED\ntest d ... ok\nfrom a thread`;
  for (let at = 0; at < text.length; at += 60_000) output.add(text.slice(at, at + 60_000));
  for (const letter of "\ntest e ... half ") output.add(letter);
  expect(started).toEqual(["a", "b ... c", "d", "e"]);
  expect(output.close()).toMatchObject({ during: "e", left: [] });
  expect(told.map(({ name, verdict }) => `${name}: ${verdict}`)).toEqual(["a: ok", "d: unclear", "b ... c: FAILED"]);
  expect(told[0]?.text.length).toBeLessThan(600_000);
});

/** By the lines of Cargo's own report; `passes` prints one that is none. */
async function ownOutcomes(folder: string): Promise<string[]> {
  const args = [
    "test",
    "--no-fail-fast",
    "--workspace",
    "--",
    "--test-threads=1",
    "--skip",
    "flaky",
    "--skip",
    "never",
  ];
  const skips = ["a_before", "b_aborts", "c_exits", "d_after"].flatMap((name) => ["--skip", name]);
  const { stdout } = await promisify(execFile)("cargo", [...args, ...skips], { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  );
  const words: Record<string, string> = { ok: "passed", FAILED: "failed", ignored: "skipped" };
  const told = [
    ...stdout.matchAll(
      /^test (.*?)(?: - should panic| - compile fail)? \.\.\. (?:no end|from another\n)*(ok|FAILED|ignored)/gm,
    ),
  ];
  return [...new Set(told.map(([, name, verdict = ""]) => `${name} ${words[verdict]}`))];
}
