//! What all pages have in common: the head, with what a browser may load, and tables. Pure.
//!
//! A page is one file that needs nothing else: no script, no request. Every text is escaped by the macro that writes it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::words::Tone;
use crate::base::text;
use crate::drop::identity::DropId;
use crate::drop::source::DropSource;
use crate::estimate::range::Grouped;

/// How pages look, on a screen and on paper.
pub(super) const STYLE: &str = include_str!("style.css");

/// Nothing is loaded or run, whatever a text says. The only style that counts is the one with this hash.
/// <https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy/style-src>
const POLICY: &str = "default-src 'none'; style-src 'sha256-Jz+96cqO6PxmtIPm42CzsJFG0x5yaie8slVLuCHEKMI='; base-uri 'none'; form-action 'none'";

/// The width of a bar, in its own units.
pub(super) const WIDTH: u64 = 10_000;

/// Makes the page about the file with this key.
pub(super) fn page(key: &str, (tone, said): &(Tone, String), sections: &Markup) -> String {
    let key = text::line(key);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (key) ": " (said) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (key) }
                    p class=(format!("outcome {}", class(*tone))) { (said) }
                    (sections)
                }
            }
        }
    };
    page.into_string()
}

/// The class of the style for this tone.
pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Mixed => "mixed",
        Tone::Bad => "bad",
    }
}

/// A table that scrolls by itself if the screen is narrow, also with the keyboard.
pub(super) fn table(caption: &str, head: &Markup, rows: &Markup) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr { (head) } }
                tbody { (rows) }
            }
        }
    }
}

/// The section about the file, with these rows besides.
pub(super) fn origin(source: &DropSource, drop_id: &DropId, more: &Markup) -> Markup {
    html! {
        h2 { "Where it comes from" }
        table {
            caption.hidden { "The file, and what it was run with" }
            tbody {
                tr { th scope="row" { "file" } td.wide { code { "s3://" (text::line(&source.bucket)) "/" (text::line(&source.key)) } } }
                @if let Some(version) = &source.version_id {
                    tr { th scope="row" { "version" } td.wide { code { (text::line(version)) } } }
                }
                tr { th scope="row" { "dropped" } td { (source.last_modified) ", " (Grouped(source.size_bytes)) " bytes" } }
                tr { th scope="row" { "drop" } td.wide { code { (drop_id) } } }
                (more)
            }
        }
    }
}

/// Returns the part of the width that a share has.
pub(super) fn share(part: u64, whole: u64) -> u64 {
    let share = u128::from(part) * u128::from(WIDTH) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(WIDTH).min(WIDTH)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn policy_allows_the_style_and_nothing_else() {
        let hash = aws_smithy_types::base64::encode(Sha256::digest(STYLE));
        let allowed = format!("style-src 'sha256-{hash}';");
        assert!(POLICY.contains(&allowed), "the policy needs {allowed}");
        assert!(POLICY.starts_with("default-src 'none';"));
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    #[test]
    fn shares_never_exceed_the_whole() {
        assert_eq!([share(0, 10), share(5, 10), share(10, 10), share(20, 10)], [0, WIDTH / 2, WIDTH, WIDTH]);
        assert_eq!([share(1, 0), share(u64::MAX, u64::MAX)], [WIDTH, WIDTH]);
    }
}
