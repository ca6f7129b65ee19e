//! Turns file paths into keys: what a drop is called, in S3 and on the terminal.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Decides the keys of files. If all files come from one folder, a key is just the file's name. Otherwise it
/// starts with as many folder names as it takes to tell the folders apart: `a/x.jsonl`, `b/x.jsonl`.
#[derive(Debug)]
pub(super) struct Names {
    /// The folders that files come from.
    folders: BTreeSet<PathBuf>,
}

impl Names {
    /// Prepares keys for these files, and for files that will appear in these folders.
    pub(super) fn new<'a>(
        files: impl IntoIterator<Item = &'a Path>,
        folders: impl IntoIterator<Item = &'a Path>,
    ) -> Self {
        let of_files = files.into_iter().map(folder_of);
        Self { folders: folders.into_iter().map(absolute).chain(of_files).collect() }
    }

    /// The key of a file in one of the folders.
    pub(super) fn key(&self, file: &Path) -> String {
        let name = text(file.file_name().unwrap_or(file.as_os_str()));
        let folder = folder_of(file);
        let mut key = name;
        for (count, part) in parts(&folder).into_iter().rev().enumerate() {
            let is_shared = |other: &&PathBuf| **other != folder && ends_alike(other, &folder, count);
            if !self.folders.iter().any(|other| is_shared(&other)) {
                break;
            }
            key = format!("{}/{key}", text(part));
        }
        key
    }
}

/// The folder that a file is in. If the file is a link, the folder is that of the link.
fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    absolute(folder.unwrap_or(Path::new(".")))
}

fn absolute(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf())
}

/// The names in a path.
fn parts(path: &Path) -> Vec<&OsStr> {
    let name = |component| if let Component::Normal(name) = component { Some(name) } else { None };
    path.components().filter_map(name).collect()
}

/// Whether the last `count` names of two paths are the same.
fn ends_alike(one: &Path, other: &Path, count: usize) -> bool {
    let (one, other) = (parts(one), parts(other));
    one.iter().rev().take(count).eq(other.iter().rev().take(count))
}

/// A name as text. Bytes that are not UTF-8 are percent-encoded, so that different names stay different.
fn text(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str], folders: &[&str]) -> Names {
        Names::new(files.iter().map(Path::new), folders.iter().map(Path::new))
    }

    #[test]
    fn files_of_one_folder_have_their_own_names() {
        let names = names(&["/n/a/x.jsonl", "/n/a/y.jsonl"], &["/n/a"]);
        assert_eq!(names.key(Path::new("/n/a/x.jsonl")), "x.jsonl");
    }

    #[test]
    fn folders_are_told_apart_by_as_much_of_their_paths_as_it_takes() {
        let names = names(&["/n/one/a/x.jsonl", "/n/b/x.jsonl"], &["/n/two/a", "/"]);
        for (file, key) in [
            ("/n/one/a/x.jsonl", "one/a/x.jsonl"),
            ("/n/two/a/x.jsonl", "two/a/x.jsonl"),
            ("/n/b/x.jsonl", "b/x.jsonl"),
            ("/x.jsonl", "x.jsonl"),
        ] {
            assert_eq!(names.key(Path::new(file)), key);
        }
    }

    #[test]
    fn names_that_are_not_utf_8_stay_different() {
        let key = |name: &[u8]| names(&[], &[]).key(Path::new(OsStr::from_bytes(name)));
        assert_eq!(key(b"\xE4\xC3\xA4.jsonl"), "%E4ä.jsonl");
        assert_ne!(key(b"\xE4.jsonl"), key(b"\xF6.jsonl"));
    }
}
