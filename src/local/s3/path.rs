//! Where an object is on disk: turns a key into a path that a person can read and that never leaves its
//! bucket.
//!
//! Ordinary keys are their own path. What a file system would follow, refuse, or confuse is written with a
//! percent sign. No key can produce these names by itself, because a literal `%` becomes `%25`:
//!
//! | in the key | on disk |
//! |---|---|
//! | `%`, control characters | `%25`, `%0A` … |
//! | segment `.` or `..` | `%2E`, `%2E%2E` |
//! | empty segment (`a//b`, `/a`, `a/`) | `%` |
//! | segment over 200 bytes | cut into pieces; each but the last is a folder whose name ends in `%more` |
//! | an object whose name a folder already has | name with `%file` |
//! | a folder whose name an object already has | name with `%folder` |
//!
//! Names are compared byte by byte, as S3 compares keys. A file system that ignores case or normalizes
//! Unicode treats some different names as one. Use a case-sensitive file system for keys that differ only in
//! case.

use std::path::{Path, PathBuf};

/// The longest piece of a segment on disk, in bytes, without its marker. File systems allow 255.
const MAX_PIECE_BYTES: usize = 200;

const EMPTY: &str = "%";
const CONTINUED: &str = "%more";
const FILE: &str = "%file";
const FOLDER: &str = "%folder";

/// What is found at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, so the name is free.
    Nothing,
    /// A file, or anything else that is not a folder.
    File,
    /// A folder.
    Folder,
}

/// Splits a key into the names of its folders and, last, of its file. Different keys have different names.
pub(super) fn names(key: &str) -> Vec<String> {
    key.split('/').flat_map(pieces).collect()
}

/// The path of a key's file below its bucket's folder, avoiding what is already there.
///
/// `find` says what is at a path below the bucket's folder.
pub(super) fn path_for(key: &str, find: impl Fn(&Path) -> Found) -> PathBuf {
    let mut names = names(key);
    let file = names.pop().unwrap_or_default();
    let mut path = PathBuf::new();
    for name in names {
        path = match find(&path.join(&name)) {
            Found::Nothing | Found::Folder => path.join(name),
            Found::File => path.join(name + FOLDER),
        };
    }
    match find(&path.join(&file)) {
        Found::Nothing | Found::File => path.join(file),
        Found::Folder => path.join(file + FILE),
    }
}

/// Turns a segment into one name or, if it is long, into several.
fn pieces(segment: &str) -> Vec<String> {
    if segment.is_empty() {
        return vec![EMPTY.to_owned()];
    }
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for character in segment.chars() {
        let escaped = escape(character);
        if piece.len() + escaped.len() > MAX_PIECE_BYTES {
            pieces.push(std::mem::take(&mut piece) + CONTINUED);
        }
        piece += &escaped;
    }
    // Dots are checked last, because the rest of a long segment may also be a lone dot.
    if piece == "." || piece == ".." {
        piece = piece.replace('.', "%2E");
    }
    pieces.push(piece);
    pieces
}

fn escape(character: char) -> String {
    if character == '%' || character.is_ascii_control() {
        format!("%{:02X}", u32::from(character))
    } else {
        character.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Turns names back into the key. That this works for every key proves that [`names`] is injective.
    fn key_of(names: &[String]) -> String {
        let mut key = String::new();
        for (position, name) in names.iter().enumerate() {
            let is_last = position + 1 == names.len();
            let (text, end) = match name.strip_suffix(CONTINUED) {
                Some(text) => (text, ""),
                None => (name.as_str(), if is_last { "" } else { "/" }),
            };
            if text != EMPTY {
                key += &percent_encoding::percent_decode_str(text).decode_utf8().unwrap();
            }
            key += end;
        }
        key
    }

    #[test]
    fn ordinary_keys_are_their_own_path() {
        for key in
            ["a.jsonl", "in/2026/a b+c=d&e.jsonl", ".hidden", "a/..b/c..", "日本/é/😀", "a\\b:c*?\"<>|", "~"]
        {
            assert_eq!(names(key).join("/"), key);
        }
    }

    #[test]
    fn awkward_keys_are_spelled_with_percent_signs() {
        let long = "x".repeat(201);
        let dotted = format!("{}..", "x".repeat(200));
        let table: &[(&str, &[&str])] = &[
            ("100%", &["100%25"]),
            ("a%2Fb", &["a%252Fb"]),
            ("..", &["%2E%2E"]),
            ("../../etc/passwd", &["%2E%2E", "%2E%2E", "etc", "passwd"]),
            ("./a", &["%2E", "a"]),
            ("/a", &["%", "a"]),
            ("a/", &["a", "%"]),
            ("a//b", &["a", "%", "b"]),
            ("/", &["%", "%"]),
            ("a\nb\u{7f}", &["a%0Ab%7F"]),
            ("...", &["..."]),
            (&long, &[&format!("{}%more", "x".repeat(200)), "x"]),
            (&dotted, &[&format!("{}%more", "x".repeat(200)), "%2E%2E"]),
        ];
        for (key, expected) in table {
            assert_eq!(names(key), *expected, "{key:?}");
        }
    }

    #[test]
    fn a_long_segment_is_never_cut_inside_a_character_or_an_escape() {
        for segment in ["😀".repeat(256), "%".repeat(900), "é".repeat(450), format!("a{}", "%".repeat(200))]
        {
            let names = names(&segment);
            assert!(names.iter().all(|name| name.len() <= MAX_PIECE_BYTES + CONTINUED.len()), "{names:?}");
            assert_eq!(key_of(&names), segment);
        }
    }

    #[test]
    fn a_file_and_a_folder_of_the_same_name_avoid_each_other() {
        let there = BTreeMap::from([
            ("a", Found::File),
            ("b", Found::Folder),
            ("c", Found::Folder),
            ("c/d", Found::File),
        ]);
        let find = |path: &Path| there.get(path.to_str().unwrap()).copied().unwrap_or(Found::Nothing);
        let table = [
            ("a", "a"),
            ("a/x", "a%folder/x"),
            ("b", "b%file"),
            ("b/x", "b/x"),
            ("c/d/e", "c/d%folder/e"),
            ("new/x", "new/x"),
        ];
        for (key, expected) in table {
            assert_eq!(path_for(key, find), Path::new(expected), "{key}");
        }
    }

    /// Keys made of what breaks paths, and arbitrary keys.
    fn any_key() -> impl Strategy<Value = String> {
        let awkward = prop::sample::select(vec![
            "/", ".", "..", "%", "%2E", "%more", "%file", "%folder", "\0", "\n", "a", "é", "😀", "\\", "2E",
            "more",
        ]);
        prop_oneof![
            prop::collection::vec(awkward, 1..40).prop_map(|parts| parts.concat()),
            prop::collection::vec(any::<char>(), 1..300).prop_map(String::from_iter),
            ("[./%a]{1,9}", 190..210_usize).prop_map(|(tail, length)| "y".repeat(length) + &tail),
        ]
    }

    proptest! {
        #[test]
        fn every_key_can_be_read_back_from_its_names(key in any_key()) {
            prop_assert_eq!(key_of(&names(&key)), key);
        }

        #[test]
        fn no_name_leaves_the_bucket_or_is_too_long(key in any_key()) {
            for name in names(&key) {
                prop_assert!(!name.is_empty() && name != "." && name != "..");
                prop_assert!(!name.contains('/') && !name.chars().any(|character| character.is_ascii_control()));
                prop_assert!(name.len() + FOLDER.len() <= 255);
            }
        }

        #[test]
        fn no_name_carries_a_marker_that_only_a_conflict_gives(key in any_key()) {
            for name in names(&key) {
                prop_assert!(!name.ends_with(FILE) && !name.ends_with(FOLDER));
            }
        }
    }
}
