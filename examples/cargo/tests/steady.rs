/// Fails the first time and passes the second time: with retries it is called flaky.
#[test]
fn is_steady_in_the_end() {
    let mark = std::env::temp_dir().join("assay-example-cargo");
    if !mark.exists() {
        std::fs::write(&mark, "").unwrap();
        panic!("the first time it fails");
    }
    std::fs::remove_file(&mark).unwrap();
}
