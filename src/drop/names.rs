//! Which objects under the input prefix are drops, by their names alone. Pure.
//!
//! S3 sends an event for each object under the prefix, whatever its name is. So every name must be met with something:
//! a verdict on the content, a rejection that says what to do, or a line in the log. `docs/configuration.md` lists the
//! names of the two tables here.

use std::fmt;

use crate::drop::kinds::EXPORT;

/// What the name of an object says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameVerdict {
    /// It is a drop, whose content is judged.
    Judged,
    /// It is a drop that is rejected without being read.
    Refused {
        /// What is wrong with the name.
        what: String,
        /// What to do about it.
        fix: String,
    },
    /// It is not a drop, but something that a tool leaves beside data. Says what it is, as a clause: "it marks a folder".
    Ignored(&'static str),
}

/// The suffixes of the files whose content is judged, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSuffixes(Vec<String>);

impl InputSuffixes {
    /// The default, in the form that [`InputSuffixes::parse`] reads.
    pub const DEFAULT: &str = ".jsonl,.ndjson,.jsonlines,.json";

    /// Parses a comma-separated list. Each suffix has a dot and then at least one of `a-z A-Z 0-9 . _ -`. `None` if one has
    /// not, if one is repeated, or if there are none.
    #[must_use]
    pub fn parse(list: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let mut suffixes: Vec<String> = Vec::new();
        for suffix in list.split(',').map(|suffix| suffix.trim().to_ascii_lowercase()) {
            let rest = suffix.strip_prefix('.')?;
            if rest.is_empty() || !rest.bytes().all(is_plain) || suffixes.contains(&suffix) {
                return None;
            }
            suffixes.push(suffix);
        }
        Some(Self(suffixes))
    }
}

impl Default for InputSuffixes {
    fn default() -> Self {
        Self(Self::DEFAULT.split(',').map(str::to_owned).collect())
    }
}

/// Shows a list such as `.jsonl, .ndjson, or .json`.
impl fmt::Display for InputSuffixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((last, others)) = self.0.split_last() else { return Ok(()) };
        match others {
            [] => f.write_str(last),
            [first] => write!(f, "{first} or {last}"),
            _ => write!(f, "{}, or {last}", others.join(", ")),
        }
    }
}

/// The rule for names.
#[derive(Debug, Clone, Copy)]
pub struct NameRule<'a> {
    /// What the keys of drops start with. The folders in it were chosen by an operator, so they are not judged.
    pub prefix: &'a str,
    /// The suffixes of the files whose content is judged.
    pub suffixes: &'a InputSuffixes,
}

impl NameRule<'_> {
    /// Judges a name. Letter case does not matter, except in letters outside ASCII, which no rule has.
    #[must_use]
    pub fn judge(&self, key: &str) -> NameVerdict {
        let key = key.to_ascii_lowercase();
        let prefix = self.prefix.to_ascii_lowercase();
        let file = key.rsplit('/').next().unwrap_or_default();
        let path = Path { names: names_after(&prefix, &key), file, key: &key };
        if let Some(leftover) = LEFTOVERS.iter().find(|leftover| (leftover.is)(&path)) {
            return NameVerdict::Ignored(leftover.why);
        }
        if self.suffixes.0.iter().any(|suffix| file.ends_with(suffix)) {
            return NameVerdict::Judged;
        }
        let found = SUFFIXES.iter().find_map(|kind| {
            let suffix = kind.suffixes.iter().find(|suffix| file.ends_with(**suffix))?;
            Some((suffix, &kind.is))
        });
        match found {
            Some((_, Is::NoDrop(why))) => NameVerdict::Ignored(why),
            Some((suffix, Is::Other { what, fix })) => NameVerdict::Refused {
                what: format!(
                    "the name ends in {suffix}, which says that the file is {what}, not JSON Lines"
                ),
                fix: format!("{fix}; {}", self.other_name()),
            },
            None => NameVerdict::Refused {
                what: format!("the name does not end in {}", self.suffixes),
                fix: self.other_name(),
            },
        }
    }

    fn other_name(&self) -> String {
        format!(
            "if it is JSON Lines after all, give it a name that ends in {}, or have its suffix added to INPUT_SUFFIXES",
            self.suffixes
        )
    }
}

/// Returns the names in a key that do not start within the prefix.
fn names_after<'k>(prefix: &str, key: &'k str) -> Vec<&'k str> {
    let given = if key.starts_with(prefix) { prefix.len() } else { 0 };
    let mut start = 0;
    let mut names = Vec::new();
    for name in key.split('/') {
        if start >= given {
            names.push(name);
        }
        start += name.len() + 1;
    }
    names
}

/// A key in lower case, as the table of leftovers looks at it.
struct Path<'k> {
    key: &'k str,
    /// The names of the folders and of the file that do not start within the prefix.
    names: Vec<&'k str>,
    /// What comes after the last slash.
    file: &'k str,
}

impl Path<'_> {
    /// Returns whether a name starts with a dot. `.` and `..` are only odd.
    fn is_hidden(&self) -> bool {
        self.names.iter().any(|name| name.starts_with('.') && !matches!(*name, "." | ".."))
    }

    fn is_in(&self, folder: &str) -> bool {
        self.names.split_last().is_some_and(|(_, folders)| folders.contains(&folder))
    }

    /// Returns whether the file is called this, and then something without a dot.
    fn is_marker(&self, start: &str) -> bool {
        self.file.strip_prefix(start).is_some_and(|rest| !rest.contains('.'))
    }
}

/// Something that a tool leaves beside data, whatever suffix it has.
struct Leftover {
    is: fn(&Path<'_>) -> bool,
    why: &'static str,
}

/// The names that are ignored before their suffix is looked at. All text is in lower case.
const LEFTOVERS: &[Leftover] = &[
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-folders.html> (read 2026-11)
    Leftover { is: |path| path.key.ends_with('/'), why: "it marks a folder" },
    // Of Hadoop and EMR. <https://repost.aws/knowledge-center/emr-s3-empty-files> (read 2026-11)
    Leftover { is: |path| path.file.ends_with("_$folder$"), why: "it marks a folder" },
    // Spark and Hadoop hide such files, and stage in such folders what they will write again under its own name:
    // `.spark-staging-…`, `.hive-staging_…`, `.….crc`. Others are `.DS_Store`, `._…` (macOS), and `.ipynb_checkpoints`.
    // <https://spark.apache.org/docs/4.3.0/sql-data-sources-generic-options.html>,
    // <https://github.com/apache/spark/pull/31169> (read 2026-11)
    Leftover {
        is: |path| path.is_hidden(),
        why: "it is hidden: its name or that of its folder starts with a dot",
    },
    // Hadoop and Spark write here first. Each file is copied to its own place at the end.
    // <https://hadoop.apache.org/docs/stable/hadoop-aws/tools/hadoop-aws/committer_architecture.html> (read 2026-11)
    Leftover {
        is: |path| path.is_in("_temporary") || path.names.iter().any(|name| name.starts_with("__magic")),
        why: "it is in a folder of Spark or Hadoop for unfinished files",
    },
    // <https://hadoop.apache.org/docs/stable/hadoop-aws/tools/hadoop-aws/committers.html> (read 2026-11)
    Leftover { is: |path| path.file == "_success", why: "it only says that Spark or Hadoop has ended" },
    // Of Databricks: `_started_<id>`, `_committed_<id>`. With a dot, it may be anybody's: `_started_chats.jsonl`.
    // <https://docs.databricks.com/archive/legacy/dbio-commit.html> (read 2026-11)
    Leftover {
        is: |path| path.is_marker("_started_") || path.is_marker("_committed_"),
        why: "it is Databricks' note on a transaction",
    },
    // <https://spark.apache.org/docs/latest/structured-streaming-programming-guide.html>,
    // <https://github.com/delta-io/delta/blob/master/PROTOCOL.md> (read 2026-11)
    Leftover {
        is: |path| path.is_in("_spark_metadata") || path.is_in("_delta_log"),
        why: "it is in a folder of Spark or Delta Lake for logs",
    },
    // In archives that macOS made; in folders that the Explorer of Windows has shown.
    Leftover {
        is: |path| path.is_in("__macosx") || matches!(path.file, "thumbs.db" | "desktop.ini"),
        why: "it is what macOS or Windows knows about a folder",
    },
    // `x~` and `#x#` are made by editors
    // (<https://www.gnu.org/software/emacs/manual/html_node/emacs/Backup-Names.html>), and `~$x` by Microsoft Office.
    Leftover {
        is: |path| path.file.ends_with('~') || path.file.starts_with("~$") || is_between_hashes(path.file),
        why: "it is a copy that an editor keeps while it works",
    },
];

fn is_between_hashes(file: &str) -> bool {
    file.strip_prefix('#').is_some_and(|rest| rest.ends_with('#'))
}

/// What files with certain suffixes are.
struct Kind {
    suffixes: &'static [&'static str],
    is: Is,
}

enum Is {
    /// Not a drop, and why.
    NoDrop(&'static str),
    /// Data of another kind: what it is, and what to do about it.
    Other { what: &'static str, fix: &'static str },
}

/// The suffixes that are known besides those of [`InputSuffixes`], which come first. All text is in lower case.
const SUFFIXES: &[Kind] = &[
    Kind {
        suffixes: &[
            ".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".lz4", ".snappy", ".sz", ".br", ".lzo", ".lzma",
            ".z",
        ],
        is: Is::Other {
            what: "compressed",
            fix: "decompress it (gzip and Zstandard also with: bedrock-vpc-batch prepare FILE > NEW.jsonl)",
        },
    },
    Kind {
        suffixes: &[".zip", ".tar", ".tgz", ".7z", ".rar"],
        is: Is::Other { what: "an archive", fix: "drop the JSONL files that are in it one by one" },
    },
    Kind {
        suffixes: &[".csv", ".tsv", ".psv"],
        is: Is::Other {
            what: "a table",
            fix: "make a request of each row: bedrock-vpc-batch prepare FILE --template PROMPT.txt --model-id MODEL > NEW.jsonl",
        },
    },
    Kind {
        suffixes: &[".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"],
        is: Is::Other {
            what: "a spreadsheet",
            fix: "save it as CSV, and make a request of each row: bedrock-vpc-batch prepare FILE --template PROMPT.txt --model-id MODEL > NEW.jsonl",
        },
    },
    Kind {
        suffixes: &[
            ".parquet", ".avro", ".orc", ".arrow", ".feather", ".ion", ".pkl", ".npy", ".db", ".sqlite",
        ],
        is: Is::Other { what: "a data file of another kind", fix: EXPORT },
    },
    Kind {
        suffixes: &[".txt", ".text", ".log", ".md", ".yaml", ".yml"],
        is: Is::Other { what: "plain text", fix: EXPORT },
    },
    Kind {
        suffixes: &[
            ".pdf", ".html", ".htm", ".xml", ".doc", ".docx", ".odt", ".rtf", ".ppt", ".pptx", ".epub",
            ".eml",
        ],
        is: Is::Other {
            what: "a document",
            fix: "put what the model should read of it into a record, and keep files that records refer to elsewhere",
        },
    },
    // Records may refer to such files. Most are formats of Bedrock's Converse API.
    // <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html>, `…_VideoBlock.html`,
    // `…_AudioBlock.html` (read 2026-11)
    Kind {
        suffixes: &[
            ".png", ".jpeg", ".jpg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".avif", ".svg",
        ],
        is: Is::NoDrop("it is an image"),
    },
    Kind {
        suffixes: &[".mp4", ".mov", ".mkv", ".webm", ".flv", ".mpeg", ".mpg", ".wmv", ".3gp", ".avi", ".m4v"],
        is: Is::NoDrop("it is a video"),
    },
    Kind {
        suffixes: &[".mp3", ".wav", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".pcm", ".wma"],
        is: Is::NoDrop("it is a sound recording"),
    },
    // Browsers, transfer programs, and editors use these names while they write, and rename the file at the end.
    // <https://winscp.net/eng/docs/resume>, <https://rclone.org/docs/#partial-suffix-string>,
    // <https://vimhelp.org/recover.txt.html>,
    // <https://spark.apache.org/docs/4.3.0/sql-data-sources-generic-options.html> (read 2026-11)
    Kind {
        suffixes: &[
            ".part",
            ".partial",
            ".crdownload",
            ".opdownload",
            ".download",
            ".filepart",
            ".incomplete",
            ".tmp",
            ".temp",
            ".swp",
            ".swo",
            ".swx",
            ".aria2",
            "._copying_",
            ".lock",
        ],
        is: Is::NoDrop("it has the name of a file that is still being written"),
    },
    Kind {
        suffixes: &[".md5", ".sha1", ".sha256", ".sha512", ".crc", ".crc32", ".sig", ".asc"],
        is: Is::NoDrop("it is the checksum or the signature of another file"),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn judge_with(prefix: &str, suffixes: &str, key: &str) -> NameVerdict {
        NameRule { prefix, suffixes: &InputSuffixes::parse(suffixes).unwrap() }.judge(key)
    }

    fn judge(key: &str) -> NameVerdict {
        judge_with("", InputSuffixes::DEFAULT, key)
    }

    fn why(key: &str) -> &'static str {
        match judge(key) {
            NameVerdict::Ignored(why) => why,
            other => panic!("{key}: {other:?}"),
        }
    }

    fn refusal(key: &str) -> (String, String) {
        match judge(key) {
            NameVerdict::Refused { what, fix } => (what, fix),
            other => panic!("{key}: {other:?}"),
        }
    }

    #[test]
    fn json_lines_are_judged_under_any_of_their_suffixes_in_any_letter_case() {
        for key in [
            "a.jsonl",
            "a.JSONL",
            "a.JsonL",
            "in/a.ndjson",
            "in/a.NDJSON",
            "a.jsonlines",
            "a.json",
            "a.csv.jsonl",
            "a b+ü.jsonl",
            "_reviews.jsonl",
            "_started_chats.jsonl",
            "_committed_.json",
            "_SUCCESS.jsonl",
            "x_temporary/a.jsonl",
            "_temporary.jsonl",
            "_temporary_/a.jsonl",
            "a/../b.jsonl",
            "./a.jsonl",
            "../a.jsonl",
            "a//b.jsonl",
            "/a.jsonl",
            "a.tmp.jsonl",
            "a.part/b.jsonl",
            "a.png/b.jsonl",
            "part-00000-1f2e-c000.json",
        ] {
            assert_eq!(judge(key), NameVerdict::Judged, "{key}");
        }
    }

    #[test]
    fn what_tools_leave_beside_data_is_ignored_and_the_reason_says_what_it_is() {
        for (key, reason) in [
            ("in/", "folder"),
            ("in/a.jsonl/", "folder"),
            ("in_$folder$", "folder"),
            ("in/a.jsonl_$FOLDER$", "folder"),
            (".DS_Store", "hidden"),
            ("in/._a.jsonl", "hidden"),
            (".a.jsonl", "hidden"),
            (".jsonl", "hidden"),
            ("..jsonl", "hidden"),
            ("in/.part-00000-1f2e.json.crc", "hidden"),
            (".spark-staging-1f2e/part-00000.json", "hidden"),
            ("t/.hive-staging_hive_2026-11-27/-ext-10000/000000_0", "hidden"),
            ("n/.ipynb_checkpoints/a.jsonl", "hidden"),
            (".a.jsonl.swp", "hidden"),
            ("t/_SUCCESS", "ended"),
            ("t/_success", "ended"),
            ("t/_temporary/0/task_1/part-00000.json", "unfinished"),
            ("_temporary/a.jsonl", "unfinished"),
            ("t/__magic_job-1/tasks/part-0.json.pending", "unfinished"),
            ("t/__magic/part-0.json", "unfinished"),
            ("t/_started_7306217417862346937", "Databricks"),
            ("t/_committed_7306217417862346937", "Databricks"),
            ("t/_committed_vacuum7306217417862346937", "Databricks"),
            ("t/_delta_log/00000000000000000000.json", "Delta"),
            ("t/_spark_metadata/0", "logs"),
            ("__MACOSX/a.jsonl", "macOS"),
            ("Thumbs.db", "Windows"),
            ("a.jsonl~", "editor"),
            ("#a.jsonl#", "editor"),
            ("~$table.xlsx", "editor"),
            ("photo.PNG", "image"),
            ("videos/a.b.mp4", "video"),
            ("call.wav", "sound"),
            ("a.jsonl.part", "still being written"),
            ("a.jsonl.crdownload", "still being written"),
            ("a.jsonl._COPYING_", "still being written"),
            ("a.jsonl.tmp", "still being written"),
            ("a.jsonl.md5", "checksum"),
        ] {
            assert!(why(key).contains(reason), "{key}: {}", why(key));
        }
    }

    #[test]
    fn other_data_is_refused_with_what_it_is_and_what_to_do() {
        for (key, kind, advice) in [
            ("a.jsonl.gz", "ends in .gz, which says that the file is compressed", "decompress"),
            ("a.JSONL.ZST", "ends in .zst, which says that the file is compressed", "decompress"),
            ("a.json.bz2", "compressed", "decompress"),
            ("a.xz", "compressed", "decompress"),
            ("a.tar.gz", "compressed", "decompress"),
            ("a.zip", "archive", "in it"),
            ("a.tgz", "archive", "in it"),
            (
                "a.csv",
                "ends in .csv, which says that the file is a table, not JSON Lines",
                "prepare FILE --template",
            ),
            ("a.tsv", "table", "a request of each row"),
            ("a.xlsx", "spreadsheet", "save it as CSV"),
            (
                "part-0.snappy.parquet",
                "ends in .parquet, which says that the file is a data file",
                "one record per line",
            ),
            ("a.avro", "data file", "one record per line"),
            ("a.orc", "data file", "one record per line"),
            ("a.txt", "plain text", "one record per line"),
            ("a.xml", "document", "into a record"),
            ("a.html", "document", "into a record"),
            ("a.pdf", "document", "into a record"),
        ] {
            let (what, fix) = refusal(key);
            assert!(what.contains(kind) && fix.contains(advice), "{key}: {what}; {fix}");
            assert!(
                fix.contains("a name that ends in .jsonl, .ndjson, .jsonlines, or .json"),
                "{key}: {fix}"
            );
        }
    }

    #[test]
    fn name_of_an_unknown_kind_is_refused_too() {
        for key in [
            "",
            "a",
            "jsonl",
            "json",
            "a.",
            "a.jsonl.",
            "a.jsonl ",
            "a.jsonl.bak",
            "a.jsonl.out",
            "a.jsonl.1",
            "ajsonl",
            "a.jsonL\u{131}nes",
            "a.j\u{17f}on",
            "stream-1-2026-11-27-18-00-00-5f8a",
            "_metadata",
            "_started",
            "success",
            "_SUCCESS.old",
            "a.\u{1b}[2J",
        ] {
            let (what, fix) = refusal(key);
            assert_eq!(what, "the name does not end in .jsonl, .ndjson, .jsonlines, or .json", "{key:?}");
            assert!(fix.contains("INPUT_SUFFIXES"), "{fix}");
        }
    }

    #[test]
    fn folders_of_the_prefix_are_not_judged() {
        let all = InputSuffixes::DEFAULT;
        for (prefix, key) in [
            (".in/", ".in/a.jsonl"),
            ("_temporary/", "_temporary/a.jsonl"),
            ("t/_temporary/x", "t/_temporary/x.jsonl"),
            // The prefix need not end with a slash.
            (".in", ".in-2026/a.jsonl"),
            ("in/.", "in/.a.jsonl"),
        ] {
            assert_eq!(judge_with(prefix, all, key), NameVerdict::Judged, "{prefix} {key}");
        }
        // The file's own name starts within the prefix. It is that name, and not only the rest of it.
        assert_eq!(judge_with("data", all, "data.jsonl"), NameVerdict::Judged);
        assert!(matches!(judge_with("data", all, "data.csv"), NameVerdict::Refused { .. }));
        for (prefix, key) in [
            (".in/", ".in/.a.jsonl"),
            ("in/", "in/.b/a.jsonl"),
            ("in/", "in/_temporary/a.jsonl"),
            ("in/", "in/"),
            // An event for a key outside of the prefix is judged by the whole key.
            ("in/", ".in/a.jsonl"),
        ] {
            assert!(matches!(judge_with(prefix, all, key), NameVerdict::Ignored(_)), "{prefix} {key}");
        }
    }

    #[test]
    fn setting_changes_which_suffixes_are_judged() {
        for (suffixes, key) in [
            (".txt", "a.TXT"),
            (".TXT , .dat", "a.dat"),
            (".batch.jsonl", "a.batch.jsonl"),
            (".png", "a.png"),
        ] {
            assert_eq!(judge_with("", suffixes, key), NameVerdict::Judged, "{suffixes} {key}");
        }
        let NameVerdict::Refused { what, .. } = judge_with("", ".txt", "a.jsonl") else { panic!() };
        assert_eq!(what, "the name does not end in .txt");
        let NameVerdict::Refused { what, .. } = judge_with("", ".batch.jsonl,.txt", "a.jsonl") else {
            panic!()
        };
        assert_eq!(what, "the name does not end in .batch.jsonl or .txt");
        // What a tool leaves is never a drop.
        assert!(matches!(judge_with("", ".tmp,.txt", ".a.tmp"), NameVerdict::Ignored(_)));
        for bad in
            ["", ",", "jsonl", ".", ".jsonl,", ".jsonl,.JSONL", ".a/b", ".a b", "*", ".é", ".jsonl;.json"]
        {
            assert_eq!(InputSuffixes::parse(bad), None, "{bad:?}");
        }
        assert_eq!(InputSuffixes::parse(InputSuffixes::DEFAULT), Some(InputSuffixes::default()));
    }

    /// Every suffix has one meaning, can be found, and is in the documentation, and nothing else is.
    #[test]
    fn tables_are_in_lower_case_without_overlaps_and_documented() {
        let known: Vec<&str> = SUFFIXES.iter().flat_map(|kind| kind.suffixes).copied().collect();
        let judged: Vec<&str> = InputSuffixes::DEFAULT.split(',').collect();
        let all: BTreeSet<&str> = known.iter().chain(&judged).copied().collect();
        assert_eq!(all.len(), known.len() + judged.len(), "a suffix is in two rows");
        for suffix in &all {
            assert!(suffix.starts_with('.') && **suffix == suffix.to_ascii_lowercase(), "{suffix}");
            let hides = |other: &&&str| *other != suffix && suffix.ends_with(**other);
            assert_eq!(all.iter().find(hides), None, "{suffix} is hidden by another row");
        }
        let page = include_str!("../../docs/configuration.md");
        let (_, section) = page.split_once("\n## Names of files\n").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let documented: BTreeSet<String> = section
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| word.starts_with('.') && !word.contains('…') && *word != ".DS_Store")
            .map(str::to_ascii_lowercase)
            .collect();
        assert_eq!(documented, all.into_iter().map(str::to_owned).collect());
    }
}
