//! The checks of the fuzz targets, on every input of their corpora.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::checks::TARGETS;

/// The files or folders in a folder, sorted.
fn contents(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn names(folder: &Path) -> BTreeSet<String> {
    contents(folder).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_input_of_the_corpora_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for folder in ["corpus", "targets"] {
        assert_eq!(names(&root.join(folder)), known, "tests/fuzz/{folder} has exactly the targets");
    }
    let mut inputs = 0;
    for (name, check) in TARGETS {
        let corpus = contents(&root.join("corpus").join(name));
        assert!(corpus.len() >= 10, "the corpus of {name} has only {} inputs", corpus.len());
        for path in &corpus {
            println!("{}", path.display());
            check(&fs::read(path).unwrap());
        }
        inputs += corpus.len();
    }
    println!("fuzz: {inputs} inputs of {} corpora replayed", TARGETS.len());
}
