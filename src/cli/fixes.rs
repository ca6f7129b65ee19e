//! Words a fix for someone at a terminal. The tables of fixes serve everyone: those who read `rejection.json` in a bucket, and
//! those who have the file and a command line.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use unicode_width::UnicodeWidthStr;

use crate::aws::config::VARIABLES;

/// A longer name is not put into a command: the command would fill the screen.
const MAX_NAME_COLUMNS: usize = 160;

/// Options in place of settings.
const OPTIONS: [(&str, &str); 2] =
    [("MODEL_ID", "--model-id"), ("MODEL_INVOCATION_TYPE", "--model-invocation-type")];

/// What is said of a file that was dropped, and of one that was not.
const UNDROPPED: [(&str, &str); 4] = [
    (", and drop it again", ""),
    (", and drop the file again", ""),
    ("drop it again under a name", "give it a name"),
    ("drop it again", "check it again"),
];

/// Words fixes for a person who has a file and the command line.
#[derive(Debug, Clone, Default)]
pub(super) struct Wording {
    /// The file, as a word of a shell command. `None` if it is not a file, or its name is too long.
    file: Option<String>,
    was_dropped: bool,
    /// Whether the settings are those of a stack, which have no options.
    is_of_stack: bool,
}

impl Wording {
    /// Makes the wording for a file that was dropped, or was only checked.
    pub(super) fn new(file: Option<&Path>, was_dropped: bool) -> Self {
        let word = file.map(shell_word).filter(|word| word.width() <= MAX_NAME_COLUMNS);
        Self { file: word, was_dropped, is_of_stack: false }
    }

    /// Makes the wording for a file that is about to be dropped into a stack, whose settings belong to its operator.
    pub(super) fn of_stack(file: &Path) -> Self {
        Self { is_of_stack: true, ..Self::new(Some(file), false) }
    }

    /// Returns the file as a word of a shell command, which must not be broken where it has spaces.
    pub(super) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Words a fix: with the name of the file, and with settings as options.
    pub(super) fn fix(&self, fix: &str) -> String {
        let mut said = fix.to_owned();
        if !self.was_dropped {
            for (dropped, checked) in UNDROPPED {
                said = said.replace(dropped, checked);
            }
        }
        if !self.is_of_stack {
            said = as_options(&said);
        }
        match &self.file {
            Some(file) => replace_word(&said, "FILE", file),
            None => said,
        }
    }
}

/// Says how the command line is given the settings that a text names.
fn as_options(text: &str) -> String {
    let mut said = without_parameters(text);
    for (name, ..) in VARIABLES {
        let option = OPTIONS.iter().find(|(setting, _)| setting == name).map(|(_, option)| *option);
        match option {
            Some(option) => {
                for before in [format!("set {name} to "), format!("the setting {name} ")] {
                    let after = if before.starts_with("set ") {
                        format!("use {option} ")
                    } else {
                        format!("{option} ")
                    };
                    said = said.replace(&before, &after);
                }
                said = replace_word(&said, name, option);
            }
            None => {
                let marked = format!("--set {name}");
                said = replace_word(&said, name, &marked).replace(&format!("--set {marked}"), &marked);
            }
        }
    }
    said
}

/// Leaves out the names of the stack's parameters, as in `X (the parameter Y)`.
fn without_parameters(text: &str) -> String {
    let mut said = text.to_owned();
    while let Some((before, rest)) = said.split_once(" (the parameter ") {
        let Some((_, after)) = rest.split_once(')') else { break };
        said = format!("{before}{after}");
    }
    said
}

/// Replaces a name where it is a word of its own.
fn replace_word(text: &str, word: &str, by: &str) -> String {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.';
    let mut said = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, from) = rest.split_at(at);
        let after = from.strip_prefix(word).unwrap_or_default();
        said.push_str(before);
        // A dot may end a sentence.
        let is_inside = said.ends_with(is_of_name) || after.starts_with(|c: char| is_of_name(c) && c != '.');
        said.push_str(if is_inside { word } else { by });
        rest = after;
    }
    said + rest
}

/// Writes a path as one word of a shell command. Characters that a terminal would obey, or not show, are written as escapes
/// of `$'…'`, which POSIX has had since 2024, and all common shells for longer.
/// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_04> (read 2026-11)
pub(super) fn shell_word(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let (dot, bytes) = if bytes.starts_with(b"-") { ("./", bytes) } else { ("", bytes) };
    let text =
        std::str::from_utf8(bytes).ok().filter(|text| crate::base::text::line(text).to_string() == **text);
    match text {
        Some(text)
            if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./+,:@%=".contains(&byte)) =>
        {
            format!("{dot}{text}")
        }
        Some(text) => format!("'{dot}{}'", text.replace('\'', r"'\''")),
        None => {
            let escaped: String = bytes
                .iter()
                .map(|byte| match byte {
                    b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
                    b' '..=b'~' => char::from(*byte).to_string(),
                    // Three digits, so that a digit that follows is not taken for a part of it.
                    _ => format!("\\{byte:03o}"),
                })
                .collect();
            format!("$'{dot}{escaped}'")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::process::Command;

    use super::*;
    use crate::drop::kinds;
    use crate::drop::names::{InputSuffixes, NameRule, NameVerdict};
    use crate::model::facts::all_facts;

    /// The fixes of all tables.
    fn all_fixes() -> Vec<String> {
        let suffixes = InputSuffixes::default();
        let rule = NameRule { prefix: "", suffixes: &suffixes };
        let names = ["a.csv", "a.gz", "a.xlsx", "a.parquet", "a.zip", "a.txt", "a", "a.pdf"];
        let refused = names.map(|name| match rule.judge(name) {
            NameVerdict::Refused { fix, .. } => fix.to_string(),
            verdict => panic!("{name}: {verdict:?}"),
        });
        let kinds = kinds::ALL.iter().map(|kind| kind.fix.to_owned());
        kinds.chain(all_facts().map(|fact| fact.fix.to_owned())).chain(refused).collect()
    }

    #[test]
    fn every_fix_can_be_followed_on_a_command_line() {
        let wording = Wording::new(Some(Path::new("my file.jsonl")), false);
        let mut with_file = 0;
        for fix in all_fixes() {
            let said = wording.fix(&fix);
            with_file += usize::from(said.contains("'my file.jsonl'"));
            assert!(replace_word(&said, "FILE", "") == said, "{said}");
            for dropped in ["drop it again", "drop the file again", "the parameter", "--set --", "--set the"]
            {
                assert!(!said.contains(dropped), "{dropped}: {said}");
            }
            for (name, ..) in VARIABLES {
                let is_bare = said.replace(&format!("--set {name}"), "").contains(name);
                assert!(!is_bare, "{name} is not an option in {said}");
            }
        }
        assert!(with_file > 10, "{with_file}");
    }

    #[test]
    fn settings_are_named_as_options() {
        let checked = Wording::new(Some(Path::new("a.jsonl")), false);
        for (fix, said) in [
            ("disable these rules with MODEL_RULES=off", "disable these rules with --set MODEL_RULES=off"),
            ("disable them with --set MODEL_RULES=off.", "disable them with --set MODEL_RULES=off."),
            (
                "set MODEL_INVOCATION_TYPE (the parameter ModelInvocationType) to Converse if",
                "use --model-invocation-type Converse if",
            ),
            ("the setting MODEL_ID decides", "--model-id decides"),
            (
                "gunzip -c FILE > NEW.jsonl, or PROFILE FILE.",
                "gunzip -c a.jsonl > NEW.jsonl, or PROFILE a.jsonl.",
            ),
            ("rename it, and drop it again", "rename it"),
        ] {
            assert_eq!(checked.fix(fix), said);
        }
        assert_eq!(
            Wording::new(None, true).fix("look at FILE, and drop it again"),
            "look at FILE, and drop it again"
        );
        let long = Wording::new(Some(Path::new(&"x".repeat(200))), true);
        assert_eq!(long.fix("look at FILE"), "look at FILE");
    }

    #[test]
    fn shell_reads_the_name_as_one_word() {
        for name in [
            &b"a.jsonl"[..],
            b"a b.jsonl",
            b"it's",
            b"-x.jsonl",
            b"$(reboot)`\"\\",
            b"\x1b]0;x\x077.jsonl",
            "\u{202e}é 字".as_bytes(),
            b"\xff'\\1",
            b"~",
            b"a\nb",
        ] {
            let word = shell_word(Path::new(OsStr::from_bytes(name)));
            assert!(!word.contains(['\u{1b}', '\u{7}', '\n', '\u{202e}']), "{word:?}");
            let output = Command::new("bash").args(["-c", &format!("printf %s {word}")]).output().unwrap();
            let read = output.stdout.strip_prefix(b"./").unwrap_or(&output.stdout);
            assert_eq!(read, name, "{word}");
        }
    }
}
