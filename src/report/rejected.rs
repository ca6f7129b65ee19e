//! The page about a drop that was refused. Pure.
//!
//! The report has excerpts of lines, which may be pieces of prompts. So the page leaves them out.

use maud::{Markup, html};

use super::frame::{self, table};
use super::words::Tone;
use crate::base::text;
use crate::drop::rejection::{Problem, Rejection};
use crate::estimate::range::Grouped;

/// At most this many kinds of problems are listed. There are fewer.
const MAX_LISTED: usize = 200;

/// Makes the page for a refused drop.
#[must_use]
pub fn page(rejection: &Rejection) -> String {
    let said = "The file was refused: no record was submitted, and nothing was paid for.";
    let sections = html! {
        p { "Correct the file, and drop it again. Each problem is listed once, with the first places that have it." }
        (problems(rejection))
        (origin(rejection))
    };
    frame::page(&rejection.source.key, &(Tone::Bad, said.to_owned()), &sections)
}

fn problems(rejection: &Rejection) -> Markup {
    let rows = html! {
        @for Problem { lines, line, what, fix, places, .. } in rejection.problems.iter().take(MAX_LISTED) {
            tr {
                td.number {
                    @if *lines > 0 { (Grouped(*lines)) } @else if line.is_some() { "1" } @else { "the file" }
                }
                td.wide { (text::line(what)) }
                td.wide { (text::line(fix)) }
                td.wide {
                    @if places.is_empty() {
                        @if let Some(line) = line { "line " (Grouped(*line)) }
                    } @else {
                        ul.plain {
                            @for place in places {
                                li {
                                    "line " (Grouped(place.line))
                                    @if let Some(detail) = &place.detail { ": " (text::line(detail)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        h2 { "Problems" }
        (table(
            "What is wrong with the file",
            &html! {
                th.number scope="col" { "lines" }
                th scope="col" { "problem" }
                th scope="col" { "what to do" }
                th scope="col" { "where, first" }
            },
            &rows,
        ))
        @if rejection.stopped_early {
            p.soft { "The reading stopped before the end of the file, so there may be more." }
        }
    }
}

fn origin(rejection: &Rejection) -> Markup {
    let source = &rejection.source;
    frame::origin(source, &rejection.drop_id, &html! {})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::identity::DropId;
    use crate::drop::kinds;
    use crate::drop::rejection::ProblemPlace;
    use crate::drop::source::DropSource;

    const HOSTILE: &str = "</title><script>alert(1)</script>\"'&<b>\u{202e}\u{1b}[2J";

    #[test]
    fn every_problem_is_there_and_every_text_stays_text() {
        let source = DropSource { key: HOSTILE.into(), ..DropSource::example() };
        let place = ProblemPlace {
            line: 1_207,
            byte: 5,
            detail: Some(HOSTILE.into()),
            excerpt: "the prompt".into(),
            caret: 0,
        };
        let of_line = Problem {
            lines: 1_500,
            line: Some(7),
            byte: Some(5),
            what: HOSTILE.into(),
            fix: HOSTILE.into(),
            places: vec![place],
            ..Problem::of_kind(&kinds::EMPTY_FILE)
        };
        let problems = vec![Problem::of_kind(&kinds::EMPTY_FILE), of_line];
        let drop_id = DropId::derive(&source);
        let page = page(&Rejection { version: 1, drop_id, source, problems, stopped_early: true });
        for said in [kinds::EMPTY_FILE.fix, "1,500", "line 1,207: &lt;/title&gt;", "there may be more"] {
            assert!(page.contains(said), "{said}\n{page}");
        }
        for mark in ["<script", "<b>", "\u{202e}", "\u{1b}", "the prompt"] {
            assert!(!page.contains(mark), "{mark:?}");
        }
    }
}
