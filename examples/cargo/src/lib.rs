/// Words are what is between spaces.
///
/// ```
/// assert_eq!(words::words(" one  two "), ["one", "two"]);
/// ```
pub fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_between_spaces() {
        println!("any 🐞 signs");
        assert_eq!(words("🐞\nß").len(), 2);
    }

    #[test]
    fn are_told_from_signs_which_fails() {
        assert_eq!(words("one, two"), ["one", "two"]);
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn end_somewhere() {
        let _ = words("one")[1];
    }

    #[test]
    #[ignore = "nobody counts words today"]
    fn are_counted() {}
}
