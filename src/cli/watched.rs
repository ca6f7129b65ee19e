//! A watched folder: which of its files to drop, and when.
//!
//! A file may still be incomplete when it is first seen, and nothing says when its writer is done. It counts
//! as complete when nothing has been written to it for some time; for one that was renamed into place, that
//! time starts with its last write. If a file changes after it was dropped, it is dropped again. A file that
//! cannot be dropped is reported once and skipped.
//!
//! Names are judged as in S3, also those that are refused. Of the names that are ignored, the first of each kind is
//! reported. They include the names that programs use while they write.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::drop::names::NameVerdict;

/// A folder, and what has been seen in it.
#[derive(Debug)]
pub(super) struct Watched {
    folder: PathBuf,
    quiet: Duration,
    seen: HashMap<PathBuf, Seen>,
    /// The files whose names are ignored.
    ignored: HashSet<PathBuf>,
    /// The kinds of ignored names that were reported.
    reported: HashSet<&'static str>,
    /// Why the folder could not be read at the last look.
    unreadable: Option<String>,
}

#[derive(Debug)]
struct Seen {
    state: State,
    /// Whether its name is that of a file to judge.
    is_judged: bool,
    /// Since when it has been in that state.
    since: Instant,
    /// Whether nothing needs to be done until it changes.
    is_done: bool,
    /// Whether it was dropped in an earlier state.
    was_dropped: bool,
    /// If it could not be dropped: when its permissions or its name last changed before that.
    failed: Option<(i64, i64)>,
}

/// The state of a file. It changes when the file does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A file: its length, and when it was last written.
    File(u64, SystemTime),
    /// Something that cannot be dropped, and why.
    Unusable(String),
}

/// What one look at a folder found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Files to drop, ordered by name.
    pub(super) arrived: Vec<Arrived>,
    /// What the user should know: paths, and what is wrong with them.
    pub(super) notes: Vec<(PathBuf, String)>,
}

/// A file to drop.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) path: PathBuf,
    /// Whether it has changed since it was dropped.
    pub(super) is_again: bool,
}

impl Seen {
    fn new(state: State, is_judged: bool, since: Instant) -> Self {
        Self { state, is_judged, since, is_done: false, was_dropped: false, failed: None }
    }
}

impl State {
    /// Reads the state of a file. Follows links.
    pub(super) fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                Self::File(metadata.len(), modified)
            }
            Ok(metadata) if metadata.is_dir() => Self::Unusable("is a folder".into()),
            Ok(_) => Self::Unusable("is not a regular file".into()),
            Err(error) => Self::Unusable(error.to_string()),
        }
    }

    /// How long ago it was written, if the clock can tell.
    fn age(&self, clock: SystemTime) -> Option<Duration> {
        match self {
            Self::File(_, modified) => clock.duration_since(*modified).ok(),
            Self::Unusable(_) => None,
        }
    }
}

/// When anything about a file last changed, such as who may read it.
fn changed(path: &Path) -> (i64, i64) {
    fs::metadata(path).map_or((0, 0), |metadata| (metadata.ctime(), metadata.ctime_nsec()))
}

impl Watched {
    pub(super) fn new(folder: PathBuf, quiet: Duration) -> Self {
        Self {
            folder,
            quiet,
            seen: HashMap::new(),
            ignored: HashSet::new(),
            reported: HashSet::new(),
            unreadable: None,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Records that a file could not be dropped. It arrives again when anything about it changes.
    pub(super) fn failed(&mut self, path: &Path) {
        if let Some(seen) = self.seen.get_mut(path) {
            (seen.was_dropped, seen.failed) = (false, Some(changed(path)));
        }
    }

    /// Looks at the folder. A file arrives when two looks found it unchanged and nothing was written to it
    /// for the quiet time. `judge` judges the name of a file.
    pub(super) fn look(
        &mut self,
        now: Instant,
        clock: SystemTime,
        judge: impl Fn(&Path) -> NameVerdict,
    ) -> Look {
        let mut look = Look::default();
        let paths = match files(&self.folder) {
            Ok(paths) => paths,
            Err(error) => {
                let error = error.to_string();
                if self.unreadable.as_ref() != Some(&error) {
                    look.notes.push((self.folder.clone(), format!("{error}; trying again")));
                    self.unreadable = Some(error);
                }
                return look;
            }
        };
        if self.unreadable.take().is_some() {
            look.notes.push((self.folder.clone(), "can be read again".into()));
        }
        for path in &paths {
            if self.ignored.contains(path) {
                continue;
            }
            if self.seen.contains_key(path) {
                self.look_at(path, (now, clock), &mut look);
                continue;
            }
            match judge(path) {
                NameVerdict::Ignored(why) => self.ignore(path, why, &mut look),
                verdict => {
                    let is_judged = verdict == NameVerdict::Judged;
                    self.seen.insert(path.clone(), Seen::new(State::of(path), is_judged, now));
                }
            }
        }
        // A file that was dropped is remembered, because it may come back unchanged.
        self.seen.retain(|path, seen| seen.was_dropped || paths.contains(path));
        self.ignored.retain(|path| paths.contains(path));
        look.arrived.sort_by(|one, other| one.path.cmp(&other.path));
        look
    }

    fn ignore(&mut self, path: &Path, why: &'static str, look: &mut Look) {
        self.ignored.insert(path.into());
        // A folder is nothing that S3 would have.
        if !path.is_dir() && self.reported.insert(why) {
            let note = format!("ignored: {why}; other files of this kind are not reported");
            look.notes.push((path.into(), note));
        }
    }

    fn look_at(&mut self, path: &Path, (now, clock): (Instant, SystemTime), look: &mut Look) {
        let Some(seen) = self.seen.get_mut(path) else { return };
        let state = State::of(path);
        if seen.state != state || seen.failed.is_some_and(|before| before != changed(path)) {
            (seen.state, seen.since, seen.is_done, seen.failed) = (state, now, false, None);
            return;
        }
        if seen.is_done {
            return;
        }
        if let State::Unusable(why) = &seen.state {
            seen.is_done = true;
            // It was there when the folder was listed. If it is gone now, there is nothing to report. Folders are only
            // reported if they look like files to judge.
            if path.symlink_metadata().is_ok() && (seen.is_judged || !path.is_dir()) {
                look.notes.push((path.into(), why.clone()));
            }
            return;
        }
        let is_quiet = now.saturating_duration_since(seen.since) >= self.quiet
            || seen.state.age(clock).is_some_and(|age| age >= self.quiet);
        if is_quiet {
            seen.is_done = true;
            let is_again = std::mem::replace(&mut seen.was_dropped, true);
            look.arrived.push(Arrived { path: path.into(), is_again });
        }
    }
}

/// The paths in a folder.
fn files(folder: &Path) -> io::Result<HashSet<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::aws::clock;
    use crate::drop::names::{InputSuffixes, NameRule};

    const QUIET: Duration = Duration::from_secs(3);

    /// A watched folder with a clock that the test sets.
    struct Rig {
        root: tempfile::TempDir,
        watched: Watched,
        now: Instant,
        clock: SystemTime,
    }

    impl Rig {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("drops");
            fs::create_dir(&folder).unwrap();
            let watched = Watched::new(folder, QUIET);
            Self { root, watched, now: Instant::now(), clock: clock::now() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.watched.folder().join(name)
        }

        fn append(&self, name: &str, text: &str) {
            let mut file = File::options().create(true).append(true).open(self.path(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file.set_modified(self.clock).unwrap();
        }

        /// Looks after this time. Returns the names that arrived, with `again` if they had arrived before,
        /// and the notes.
        fn look_after(&mut self, seconds: u64) -> Vec<String> {
            let later = Duration::from_secs(seconds);
            (self.now, self.clock) = (self.now + later, self.clock + later);
            let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
            let suffixes = InputSuffixes::default();
            let rule = NameRule { prefix: "", suffixes: &suffixes };
            let look = self.watched.look(self.now, self.clock, |path| rule.judge(&name(path)));
            let arrived = look.arrived.iter().map(|arrived| {
                format!("{}{}", name(&arrived.path), if arrived.is_again { " again" } else { "" })
            });
            arrived.chain(look.notes.iter().map(|(path, note)| format!("{}: {note}", name(path)))).collect()
        }
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn file_arrives_when_its_writer_has_been_quiet_for_a_while() {
        let mut rig = Rig::new();
        for part in ["a", "b", "c"] {
            rig.append("x.jsonl", part);
            assert_eq!(rig.look_after(0), NOTHING);
            // It pauses, but not for long enough.
            assert_eq!(rig.look_after(2), NOTHING, "{part}");
        }
        assert_eq!(rig.look_after(1), ["x.jsonl"]);
        assert_eq!(rig.look_after(100), NOTHING);
    }

    #[test]
    fn file_that_changes_after_it_arrived_arrives_again() {
        let mut rig = Rig::new();
        rig.append("x.jsonl", "a");
        rig.look_after(0);
        assert_eq!(rig.look_after(3), ["x.jsonl"]);
        rig.append("x.jsonl", "b");
        assert_eq!(rig.look_after(1), NOTHING);
        rig.append("x.jsonl", "c");
        assert_eq!(rig.look_after(1), NOTHING);
        assert_eq!(rig.look_after(3), ["x.jsonl again"]);
        assert_eq!(rig.look_after(100), NOTHING);
    }

    #[test]
    fn file_that_was_written_long_ago_arrives_at_the_second_look() {
        let mut rig = Rig::new();
        let before = rig.root.path().join("x.jsonl");
        File::create(&before).unwrap().set_modified(rig.clock).unwrap();
        rig.look_after(60);
        fs::rename(before, rig.path("x.jsonl")).unwrap();
        assert_eq!(rig.look_after(0), NOTHING);
        assert_eq!(rig.look_after(0), ["x.jsonl"]);
    }

    #[test]
    fn what_cannot_be_dropped_is_reported_once_and_the_rest_arrives() {
        let mut rig = Rig::new();
        fs::create_dir(rig.path("folder.jsonl")).unwrap();
        std::os::unix::fs::symlink("../nowhere", rig.path("link.jsonl")).unwrap();
        rig.append("x.jsonl", "a");
        rig.append("gone.jsonl", "a");
        fs::create_dir(rig.path("folder")).unwrap();
        fs::create_dir(rig.path(".folder")).unwrap();
        fs::create_dir(rig.path("folder.csv")).unwrap();
        assert_eq!(rig.look_after(0), NOTHING);
        fs::remove_file(rig.path("gone.jsonl")).unwrap();
        let mut told = rig.look_after(3);
        told.sort();
        let link = "link.jsonl: No such file or directory (os error 2)";
        assert_eq!(told, ["folder.jsonl: is a folder", link, "x.jsonl"]);
        assert_eq!(rig.look_after(100), NOTHING);
        // The link now leads somewhere.
        rig.append("../nowhere", "a");
        rig.look_after(0);
        assert_eq!(rig.look_after(3), ["link.jsonl"]);
    }

    #[test]
    fn refused_names_arrive_and_the_first_ignored_name_of_each_kind_is_reported() {
        let mut rig = Rig::new();
        for name in ["a.csv", "b", "c.JSONL", "d.ndjson", "e.png", ".DS_Store"] {
            rig.append(name, "a");
        }
        let mut told = rig.look_after(0);
        told.sort();
        let hidden = "it is hidden: its name or that of its folder starts with a dot";
        let others = "; other files of this kind are not reported";
        assert_eq!(
            told,
            [
                format!(".DS_Store: ignored: {hidden}{others}"),
                format!("e.png: ignored: it is an image{others}")
            ]
        );
        rig.append("f.png", "a");
        assert_eq!(rig.look_after(3), ["a.csv", "b", "c.JSONL", "d.ndjson"]);
        assert_eq!(rig.look_after(100), NOTHING);
    }

    #[test]
    fn file_with_the_name_of_an_unfinished_one_arrives_once_it_is_renamed() {
        let mut rig = Rig::new();
        for part in ["x.jsonl.part", ".x.jsonl.swp", "x.jsonl~", "y.jsonl.crdownload"] {
            rig.append(part, "a");
        }
        assert_eq!(rig.look_after(0).len(), 3, "two of them are of the same kind");
        assert_eq!(rig.look_after(100), NOTHING);
        fs::rename(rig.path("x.jsonl.part"), rig.path("x.jsonl")).unwrap();
        assert_eq!(rig.look_after(0), NOTHING);
        assert_eq!(rig.look_after(0), ["x.jsonl"]);
        // The next download of the same name is ignored, too.
        rig.append("x.jsonl.part", "ab");
        assert_eq!(rig.look_after(100), NOTHING);
    }

    #[test]
    fn file_that_could_not_be_dropped_arrives_again_when_its_permissions_change() {
        let mut rig = Rig::new();
        rig.append("x.jsonl", "a");
        rig.append("y.jsonl", "a");
        rig.look_after(0);
        assert_eq!(rig.look_after(3), ["x.jsonl", "y.jsonl"]);
        rig.watched.failed(&rig.path("x.jsonl"));
        assert_eq!(rig.look_after(3), NOTHING);
        let before = changed(&rig.path("y.jsonl"));
        while changed(&rig.path("x.jsonl")) == before || changed(&rig.path("y.jsonl")) == before {
            for name in ["x.jsonl", "y.jsonl"] {
                fs::set_permissions(rig.path(name), fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        assert_eq!(rig.look_after(1), NOTHING);
        assert_eq!(rig.look_after(3), ["x.jsonl"]);
    }

    #[test]
    fn folder_that_disappears_and_comes_back_is_reported_and_still_watched() {
        let mut rig = Rig::new();
        rig.append("x.jsonl", "a");
        rig.look_after(0);
        assert_eq!(rig.look_after(3), ["x.jsonl"]);
        let away = rig.root.path().join("away");
        fs::rename(rig.watched.folder(), &away).unwrap();
        let gone = "drops: No such file or directory (os error 2); trying again";
        assert_eq!(rig.look_after(1), [gone]);
        assert_eq!(rig.look_after(1), NOTHING);
        fs::rename(away, rig.watched.folder()).unwrap();
        rig.append("y.jsonl", "a");
        assert_eq!(rig.look_after(1), ["drops: can be read again"]);
        assert_eq!(rig.look_after(3), ["y.jsonl"]);
    }
}
