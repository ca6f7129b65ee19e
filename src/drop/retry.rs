//! The keys of drops that are another try at some records of an earlier one. Pure.

/// What stands before the number in the name of a retry.
const MARK: &str = ".retry-";

/// Returns the key of a retry of a drop; retries are counted from 1. The retry of a retry has the name of the first drop.
///
/// ```
/// # use bedrock_vpc_batch::drop::retry::retry_key;
/// assert_eq!(retry_key("in/a.jsonl", 1), "in/a.retry-1.jsonl");
/// assert_eq!(retry_key("in/a.retry-1.jsonl", 2), "in/a.retry-2.jsonl");
/// ```
#[must_use]
pub fn retry_key(key: &str, number: u32) -> String {
    format!("{}{number}.jsonl", retry_prefix(key))
}

/// Returns what the keys of all retries of a drop start with.
#[must_use]
pub fn retry_prefix(key: &str) -> String {
    format!("{}{MARK}", stem(key))
}

/// Returns the number of a retry, given its key; `None` if it is not one of a retry of this drop.
///
/// ```
/// # use bedrock_vpc_batch::drop::retry::retry_number;
/// assert_eq!(retry_number("in/a.jsonl", "in/a.retry-12.jsonl"), Some(12));
/// assert_eq!(retry_number("in/a.jsonl", "in/b.retry-12.jsonl"), None);
/// ```
#[must_use]
pub fn retry_number(key: &str, other: &str) -> Option<u32> {
    other.strip_prefix(&retry_prefix(key))?.strip_suffix(".jsonl")?.parse().ok()
}

/// The key without its suffix, and without the number of a retry.
fn stem(key: &str) -> &str {
    let (folder, name) = key.rsplit_once('/').map_or(("", key), |(folder, name)| (folder, name));
    let name = name.strip_suffix(".jsonl").unwrap_or(name);
    let is_number = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let name = match name.rsplit_once(MARK) {
        Some((stem, number)) if is_number(number) => stem,
        _ => name,
    };
    let start = if folder.is_empty() && !key.starts_with('/') { 0 } else { folder.len() + 1 };
    key.get(..start + name.len()).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_named_after_the_first_drop() {
        for (key, expected) in [
            ("a.jsonl", "a.retry-3.jsonl"),
            ("x/y.z/a", "x/y.z/a.retry-3.jsonl"),
            ("/a.jsonl", "/a.retry-3.jsonl"),
            ("a.retry-x.jsonl", "a.retry-x.retry-3.jsonl"),
            ("a.retry-.jsonl", "a.retry-.retry-3.jsonl"),
            ("x.retry-1/a.jsonl", "x.retry-1/a.retry-3.jsonl"),
            ("é.retry-1.jsonl", "é.retry-3.jsonl"),
        ] {
            assert_eq!(retry_key(key, 3), expected);
            assert_eq!(retry_number(key, expected), Some(3));
        }
        assert_eq!(retry_number("a.jsonl", "a.retry-x.jsonl"), None);
    }
}
