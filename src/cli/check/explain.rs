//! Explains the code of a problem, or of something that a model refuses, from the tables that the documentation is made of.

use std::collections::BTreeSet;

use crate::base::text;
use crate::cli::error::CliError;
use crate::cli::fixes::Wording;
use crate::cli::problems::wrapped;
use crate::drop::kinds;
use crate::model::facts::all_facts;

/// Explains a code.
pub(super) fn explain(code: &str) -> Result<String, CliError> {
    let wording = Wording::default();
    let mut paragraphs = Vec::new();
    if let Some(kind) = kinds::ALL.iter().find(|kind| kind.code == code) {
        paragraphs.push(format!("{code}: {}", kind.what));
        paragraphs.push(without_markdown(kind.why));
        paragraphs.push(format!("fix: {}", wording.fix(kind.fix)));
    }
    let facts: Vec<_> = all_facts().filter(|fact| fact.code == code).collect();
    if !facts.is_empty() {
        paragraphs.push(format!("{code}: the model refuses the record"));
        let mut said = BTreeSet::new();
        for fact in facts.iter().filter(|fact| said.insert((fact.fix, fact.source))) {
            let formats: Vec<&str> = fact.formats.iter().map(|format| format.name()).collect();
            paragraphs.push(format!("{}: {}", formats.join(", "), wording.fix(fact.fix)));
            paragraphs.push(format!("source: {}", fact.source));
        }
    }
    if paragraphs.is_empty() {
        let what = "there is no such code; check prints the codes of the problems that a file has";
        return Err(CliError::Usage(format!("--explain {}: {what}", text::name(code))));
    }
    let rows = paragraphs.iter().enumerate().flat_map(|(number, paragraph)| {
        if paragraph.starts_with("source: ") {
            // A broken address cannot be opened.
            return vec![format!("  {paragraph}")];
        }
        wrapped(paragraph.split_whitespace(), if number == 0 { "" } else { "  " })
    });
    Ok(rows.collect::<Vec<_>>().join("\n"))
}

/// Returns the text of a sentence or two of Markdown.
fn without_markdown(markdown: &str) -> String {
    let mut said = String::new();
    let mut rest = markdown;
    while let Some((before, link)) = rest.split_once('[') {
        let Some((name, (_, after))) =
            link.split_once("](").and_then(|(name, to)| Some((name, to.split_once(')')?)))
        else {
            break;
        };
        said.push_str(before);
        said.push_str(name);
        rest = after;
    }
    (said + rest).replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_without_markdown() {
        let facts = all_facts().map(|fact| fact.code);
        for code in kinds::ALL.iter().map(|kind| kind.code).chain(facts) {
            let said = explain(code).unwrap();
            assert!(said.starts_with(&format!("{code}: ")) && said.lines().count() > 2, "{said}");
        }
        for kind in kinds::ALL {
            let said = without_markdown(kind.why);
            assert!(!said.contains('`') && !said.contains("]("), "{said}");
        }
        let error = explain("no-\u{1b}such").unwrap_err().to_string();
        assert!(error.starts_with("--explain no-\\u{1b}such: there is no such code"), "{error}");
        assert_eq!(without_markdown("a [b](c.md) `d` [e"), "a b d [e");
    }
}
