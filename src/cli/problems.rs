//! Tells a person what is wrong with a drop: every kind of problem at a glance, on one screen.

use std::collections::BTreeSet;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::excerpt::pieces;
use crate::base::text;
use crate::drop::rejection::{MAX_PLACES, Problem, ProblemPlace};
use crate::estimate::range::Grouped;

/// The width of a screen, in columns.
const COLUMNS: usize = 80;

/// The most lines that are printed, the title among them: a screen has 24, of which the prompt takes one.
const MAX_ROWS: usize = 23;

/// The most rows that a list of codes takes.
const LIST_ROWS: usize = 3;

/// How far a place is indented.
const INDENT: &str = "    ";

/// Says what is wrong with a drop. Each kind of problem has its code, the lines that have it, as many of their pieces as there
/// is room for, and its fix. The first line is the end of a sentence. `file` is a word in the fixes that is not broken at
/// its spaces.
pub(super) fn describe_problems(problems: &[Problem], stopped_early: bool, file: Option<&str>) -> String {
    let mut rows = vec![title(problems, stopped_early)];
    let groups: Vec<Group> =
        problems.iter().map(|problem| Group::new(problem, stopped_early, file)).collect();
    let rows_of = |groups: &[Group]| groups.iter().map(Group::rows).sum::<usize>();
    // The last row says where all kinds are explained, unless there is a list of those that are left out.
    let all_fit = rows_of(&groups) <= MAX_ROWS - 2;
    let most = if all_fit { MAX_ROWS - 2 } else { MAX_ROWS - 1 - LIST_ROWS };
    let mut rows_so_far = 0;
    let shown = groups.iter().take_while(|group| {
        rows_so_far += group.rows();
        rows_so_far <= most
    });
    let shown = shown.count().max(1);
    let (groups, left_out) = groups.split_at(shown);
    let room = most.saturating_sub(rows_of(groups));
    for (group, places) in groups.iter().zip(places_in(groups, room)) {
        rows.extend(group.head.iter().cloned());
        rows.extend(places);
        rows.extend(group.fix.iter().cloned());
    }
    let codes: Vec<&str> = left_out.iter().map(|group| group.code).collect();
    if !codes.is_empty() {
        rows.extend(wrapped(format!("and also: {}", codes.join(", ")).split(' '), "  "));
    } else if let Some(first) = groups.iter().map(|group| group.code).find(|code| !code.is_empty()) {
        let code = if groups.len() == 1 { first } else { "CODE" };
        rows.push(format!("  more about it: bedrock-vpc-batch check --explain {code}"));
    }
    rows.join("\n")
}

/// Chooses the places of each kind that there is room for, in rows.
fn places_in(groups: &[Group], mut room: usize) -> Vec<Vec<String>> {
    // Every kind gets its first place before any gets its second one. If there is too little room, the last ones get one row.
    let count = groups.iter().filter(|group| !group.places.is_empty()).count();
    let mut whole = count.saturating_sub((2 * count).saturating_sub(room));
    let first = |group: &Group| {
        let Some(place) = group.places.first() else { return Vec::new() };
        let rows = if whole > 0 { place.rows.to_vec() } else { vec![place.short.clone()] };
        whole = whole.saturating_sub(1);
        if rows.len() > room {
            return Vec::new();
        }
        room -= rows.len();
        rows
    };
    let mut shown: Vec<Vec<String>> = groups.iter().map(first).collect();
    for number in 1..MAX_PLACES {
        for (group, rows) in groups.iter().zip(&mut shown) {
            if let Some(place) = group.places.get(number).filter(|_| room >= 2) {
                room -= 2;
                rows.extend(place.rows.clone());
            }
        }
    }
    shown
}

fn title(problems: &[Problem], stopped_early: bool) -> String {
    let lines = count_lines(problems);
    let at_least = if stopped_early { "at least " } else { "" };
    let kinds = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} kinds of problems"),
    };
    match lines {
        None | Some(0) => kinds,
        Some(1) => format!("{kinds}, on {at_least}1 line"),
        Some(lines) => format!("{kinds}, on {at_least}{lines} lines"),
    }
}

/// Counts the lines that have a problem. `None` if a line may have several, and not all of them are known.
fn count_lines(problems: &[Problem]) -> Option<u64> {
    let of_lines: Vec<&Problem> = problems.iter().filter(|problem| problem.lines > 0).collect();
    if let [problem] = of_lines[..] {
        return Some(problem.lines);
    }
    let are_known = of_lines.iter().all(|problem| problem.places.len() as u64 == problem.lines);
    let lines = of_lines.iter().flat_map(|problem| &problem.places).map(|place| place.line);
    are_known.then(|| lines.collect::<BTreeSet<u64>>().len() as u64)
}

/// What is said about one kind of problem, in rows of the screen.
struct Group<'a> {
    code: &'a str,
    head: Vec<String>,
    /// The places of which there is something to show.
    places: Vec<Place>,
    fix: Vec<String>,
}

/// A place, in rows of the screen.
struct Place {
    /// The piece of the line, and a row with the caret and what is special about it.
    rows: [String; 2],
    /// The piece from the caret on.
    short: String,
}

impl<'a> Group<'a> {
    fn new(problem: &'a Problem, stopped_early: bool, file: Option<&str>) -> Self {
        let code = problem.code.as_str();
        // What the first place alone has is shown with that place.
        let has_details = problem.places.iter().any(|place| place.detail.is_some());
        let what =
            problem.code.kind().filter(|_| has_details).map_or(problem.what.as_str(), |kind| kind.what);
        let head = if code.is_empty() { what.to_owned() } else { format!("{code}: {what}") };
        let numbers = line_numbers(problem, stopped_early);
        Self {
            code,
            head: wrapped(head.split(' ').chain(numbers.as_deref()), "  "),
            places: problem.places.iter().filter_map(Place::new).collect(),
            fix: fix_rows(&problem.fix, file, INDENT),
        }
    }

    /// The rows that it has without places.
    fn rows(&self) -> usize {
        self.head.len() + self.fix.len()
    }
}

/// Says how to fix something, in rows. The file's name, if it is given, is not broken at its spaces.
pub(super) fn fix_rows(fix: &str, file: Option<&str>, indent: &str) -> Vec<String> {
    // No text has this character: it was escaped.
    const KEPT_SPACE: &str = "\0";
    let said = format!("fix: {fix}");
    let said = match file {
        Some(file) => said.replace(file, &file.replace(' ', KEPT_SPACE)),
        None => said,
    };
    let words: Vec<String> = said.split(' ').map(|word| word.replace(KEPT_SPACE, " ")).collect();
    wrapped(words.iter().map(String::as_str), indent)
}

/// The lines that have a problem, in parentheses. `None` if it is one of the whole file.
fn line_numbers(problem: &Problem, stopped_early: bool) -> Option<String> {
    let numbers: Vec<String> = problem.places.iter().map(|place| place.line.to_string()).collect();
    let list = numbers.join(", ");
    let more = if stopped_early { " or more" } else { "" };
    Some(match (problem.line?, problem.lines) {
        (line, 0 | 1) => format!("(line {line})"),
        (_, lines) if lines <= numbers.len() as u64 => format!("(lines {list})"),
        (_, lines) => format!("({lines} lines{more}: {list}, …)"),
    })
}

impl Place {
    fn new(place: &ProblemPlace) -> Option<Self> {
        if place.excerpt.is_empty() {
            return None;
        }
        let number = format!("{INDENT}line {}: ", place.line);
        // Everything was escaped before. Reports can be edited, though, and this must not depend on it.
        let excerpt = text::line(&place.excerpt).to_string();
        let (piece, column) = window(&excerpt, place.caret, COLUMNS - number.len());
        let column = number.len() + column;
        let detail = place.detail.as_deref().map(|detail| text::line(detail).to_string()).unwrap_or_default();
        let caret =
            if column + "^ ".len() + detail.width() > COLUMNS && detail.width() + INDENT.len() < column {
                let before = column - detail.width() - 1;
                format!("{}{detail} ^", " ".repeat(before))
            } else {
                let (detail, _) = window(&detail, 0, COLUMNS.saturating_sub(column + "^ ".len()));
                format!("{}^ {detail}", " ".repeat(column)).trim_end().to_owned()
            };
        let mut from_caret: String = excerpt.chars().skip(place.caret).collect();
        if place.caret > 0 && !from_caret.starts_with('…') {
            from_caret.insert(0, '…');
        }
        // Past the end, there is nothing to show.
        let is_past_the_end = place.caret >= excerpt.chars().count();
        let short =
            if is_past_the_end { piece.clone() } else { window(&from_caret, 0, COLUMNS - number.len()).0 };
        Some(Self { short: format!("{number}{short}"), rows: [number + &piece, caret] })
    }
}

/// Cuts a text to a number of columns so that the character with this number stays in it. Returns the text, and the column of
/// that character.
fn window(text: &str, character: usize, columns: usize) -> (String, usize) {
    let all: Vec<&str> = pieces(text).collect();
    let width_of = |pieces: &[&str]| pieces.iter().map(|piece| piece.width()).sum::<usize>();
    let mut chars_before = 0;
    let before = all.iter().take_while(|piece| {
        chars_before += piece.chars().count();
        chars_before <= character
    });
    let (before, after) = all.split_at(before.count());
    // The caret itself needs a column, even past the end.
    let needed = width_of(after).max(1).min(columns / 2);
    let mut start = 0;
    while width_of(before.get(start..).unwrap_or_default()) + needed + usize::from(start > 0) > columns {
        start += 1;
    }
    let mut piece = String::new();
    if start > 0 {
        piece.push('…');
    }
    piece.extend(before.get(start..).unwrap_or_default().iter().copied());
    let column = piece.width();
    let mut width = column;
    for (number, next) in after.iter().enumerate() {
        let is_last = number + 1 == after.len();
        width += next.width();
        if width + usize::from(!is_last) > columns {
            piece.push('…');
            break;
        }
        piece.push_str(next);
    }
    (piece, column)
}

/// Breaks a text into rows of a screen of 80 columns, between its words. All rows are indented, the first one less.
pub(super) fn wrapped<'a>(words: impl Iterator<Item = &'a str>, indent: &str) -> Vec<String> {
    wrapped_to(COLUMNS, words, indent)
}

/// Breaks a text into rows of this many columns, between its words. All rows are indented, the first one less.
pub(super) fn wrapped_to<'a>(
    columns: usize,
    words: impl Iterator<Item = &'a str>,
    indent: &str,
) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = indent.to_owned();
    for word in words.map(|word| text::line(word).to_string()) {
        let is_empty = row.trim_ascii_start().is_empty();
        if !is_empty && row.width() + 1 + word.width() > columns {
            rows.push(std::mem::replace(&mut row, format!("{indent}  ")));
        } else if !is_empty {
            row.push(' ');
        }
        for c in word.chars() {
            if row.width() + c.width().unwrap_or_default() > columns {
                rows.push(std::mem::replace(&mut row, format!("{indent}  ")));
            }
            row.push(c);
        }
    }
    rows.push(row);
    rows
}

/// Counts records: `1 record`, `2,000 records`.
pub(super) fn records(count: u64) -> String {
    format!("{} {}", Grouped(count), if count == 1 { "record" } else { "records" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::excerpt::Excerpt;
    use crate::drop::kinds::{self, ProblemKind};

    fn place(line: u64, text: &str, offset: usize, detail: Option<&str>) -> ProblemPlace {
        let Excerpt { text, caret } = Excerpt::new(text.as_bytes(), offset);
        ProblemPlace { line, byte: 0, detail: detail.map(str::to_owned), excerpt: text, caret }
    }

    fn problem(kind: &'static ProblemKind, lines: u64, places: Vec<ProblemPlace>) -> Problem {
        Problem { lines, line: places.first().map(|place| place.line), places, ..Problem::of_kind(kind) }
    }

    #[test]
    fn kinds_are_shown_with_pieces_carets_and_fixes() {
        let repeated =
            |line| place(line, r#"{"recordId":"a","modelInput":{}}"#, 12, Some("already used on line 1"));
        let problems = [
            problem(&kinds::RECORD_ID_REPEATED, 3, vec![repeated(2), repeated(3), repeated(10)]),
            problem(&kinds::BLANK_LINE, 7, [4, 5, 6, 7, 8].map(|line| place(line, "", 0, None)).into()),
            problem(&kinds::MODEL_INPUT_MISSING, 1, vec![place(9, "{}", 0, None)]),
            Problem::of_file(
                &kinds::TOO_FEW_RECORDS,
                "the file has 9 records",
                "put more records into one file",
            ),
        ];
        let expected = r#"4 kinds of problems
  record-id-repeated: a recordId is used more than once (lines 2, 3, 10)
    line 2: {"recordId":"a","modelInput":{}}
                        ^ already used on line 1
    line 3: {"recordId":"a","modelInput":{}}
                        ^ already used on line 1
    line 10: {"recordId":"a","modelInput":{}}
                         ^ already used on line 1
    fix: give every record a different recordId
  blank-line: a line is blank (7 lines: 4, 5, 6, 7, 8, …)
    fix: remove the blank line; the file may end with one newline at most
  model-input-missing: a record does not have modelInput (line 9)
    line 9: {}
            ^
    fix: put the request body of the model into modelInput, as a JSON object
  too-few-records: the file has 9 records
    fix: put more records into one file
  more about it: bedrock-vpc-batch check --explain CODE"#;
        assert_eq!(describe_problems(&problems, false, None), expected);
        let early = describe_problems(&problems[1..2], true, None);
        assert!(early.starts_with("1 problem, on at least 7 lines\n"), "{early}");
        assert!(early.contains("(7 lines or more: 4, 5, 6, 7, 8, …)"), "{early}");
        assert_eq!([0, 1, 2_000].map(records), ["0 records", "1 record", "2,000 records"]);
    }

    #[test]
    fn problem_of_an_earlier_release_is_shown_without_a_code() {
        let json = r#"{"line": 3, "byte": 812, "what": "odd", "fix": "even it"}"#;
        let problem: Problem = serde_json::from_str(json).unwrap();
        assert_eq!(describe_problems(&[problem], false, None), "1 problem\n  odd (line 3)\n    fix: even it");
    }

    #[test]
    fn whatever_the_problems_are_they_fit_on_a_screen() {
        let long = format!(r#"{{"recordId":"{}","category":1}}"#, "字é".repeat(50));
        let places: Vec<_> = (1..=5)
            .map(|line| {
                place(
                    line * 1_000_000_000,
                    &long,
                    long.len() / 2,
                    Some(&"unknown member `字字字` ".repeat(9)),
                )
            })
            .collect();
        // The kinds that one file can have: those of lines, and one of the whole file.
        for count in 1..=20 {
            let problems: Vec<Problem> =
                kinds::ALL.iter().rev().take(count).map(|kind| problem(kind, 9, places.clone())).collect();
            let said = describe_problems(&problems, true, None);
            let rows: Vec<&str> = said.lines().collect();
            assert!(rows.len() <= 24, "{} rows: {said}", rows.len());
            for row in rows {
                assert!(row.width() <= COLUMNS, "{row}");
            }
            for kind in kinds::ALL.iter().rev().take(count) {
                assert!(said.contains(kind.code), "{} is missing: {said}", kind.code);
            }
        }
    }

    #[test]
    fn every_kind_has_a_place_if_there_is_any_room() {
        let kinds: Vec<_> = kinds::ALL.iter().rev().take(5).collect();
        let problems: Vec<Problem> = kinds
            .iter()
            .map(|kind| {
                problem(kind, 2, [7, 8].map(|line| place(line, "{\"a\": yes}", 6, Some("odd"))).into())
            })
            .collect();
        let said = describe_problems(&problems, false, None);
        assert!(said.starts_with("5 kinds of problems, on 2 lines\n"), "{said}");
        assert!(said.lines().count() <= MAX_ROWS, "{said}");
        let (whole, short) = ("    line 7: {\"a\": yes}\n", "    line 7: …yes}\n");
        assert_eq!(said.matches(whole).count() + said.matches(short).count(), 5, "{said}");
        assert!(said.contains(whole) && said.contains(short), "{said}");
        let end = Place::new(&place(1, "{", 1, None)).unwrap();
        assert_eq!((end.short.as_str(), end.rows[1].as_str()), ("    line 1: {", "             ^"));
    }

    #[test]
    fn lines_with_several_problems_are_counted_once_or_not_at_all() {
        let of = |lines: u64, numbers: &[u64]| {
            let places = numbers.iter().map(|line| place(*line, "{}", 0, None)).collect();
            problem(&kinds::MODEL_INPUT_MISSING, lines, places)
        };
        let file = Problem::of_kind(&kinds::TOO_FEW_RECORDS);
        assert_eq!(count_lines(&[of(2, &[1, 2]), of(2, &[2, 3]), file.clone()]), Some(3));
        assert_eq!(count_lines(&[of(9, &[1, 2, 3, 4, 5]), file.clone()]), Some(9));
        assert_eq!(count_lines(&[of(9, &[1, 2, 3, 4, 5]), of(1, &[6]), file]), None);
    }

    fn rows_of(place: &ProblemPlace) -> [String; 2] {
        Place::new(place).unwrap().rows
    }

    /// The characters of a piece that stand above a caret.
    fn above_caret(rows: &[String]) -> String {
        let column = rows[1].find('^').map(|at| rows[1][..at].width()).unwrap();
        let mut at = 0;
        let chars = rows[0].chars().skip_while(|c| {
            let is_before = at < column;
            at += c.width().unwrap();
            is_before
        });
        // A combining mark belongs to the character before it.
        chars.skip_while(|c| c.width() == Some(0)).collect()
    }

    #[test]
    fn caret_is_below_its_character_whatever_the_width_of_those_before_it() {
        for before in ["", "ab", "é", "e\u{301}e\u{301}", "識別子", "🔑🔑", "हिन्दी", "\u{1b}[2J\u{202e}"]
        {
            for repeat in [1, 9, 99] {
                for after in ["", " and so on", &"識別子".repeat(99)] {
                    let line = format!("{}X{after}", before.repeat(repeat));
                    let offset = before.len() * repeat;
                    let rows = rows_of(&place(7, &line, offset, Some("the detail")));
                    assert!(above_caret(&rows).starts_with('X'), "{rows:#?}");
                    assert!(rows.iter().all(|row| row.width() <= COLUMNS), "{rows:#?}");
                    assert!(rows[1].contains("the detail"), "{rows:#?}");
                    let end = rows_of(&place(7, &line, line.len(), None));
                    assert_eq!(above_caret(&end), "", "{end:#?}");
                }
            }
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped_even_if_a_report_was_edited() {
        let hostile = "\u{1b}[2J\u{202e}\u{9b}".to_owned();
        let bad = ProblemPlace {
            line: 1,
            byte: 0,
            detail: Some(hostile.clone()),
            excerpt: hostile.clone(),
            caret: 99,
        };
        let mut problem = problem(&kinds::UNKNOWN_MEMBER, 1, vec![bad]);
        (problem.what, problem.fix) = (hostile.clone(), hostile);
        let said = describe_problems(&[problem], false, None);
        assert_eq!(text::lines(&said).to_string(), said);
    }
}
