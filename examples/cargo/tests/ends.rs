//! Tests that end their process, one that does not end, and one that is steady in the end.
use std::time::Duration;

#[test]
fn aborts() {
    std::process::abort();
}

#[test]
fn exits() {
    std::process::exit(3);
}

/// Give it an end with `--test-timeout 3s`.
#[test]
fn hangs() {
    std::thread::sleep(Duration::from_secs(3600));
}

#[test]
fn passes_after_them() {}
