//! A prompt with places for the columns of a table. Pure.

use crate::base::text;

/// A prompt template: text in which `{column}` stands for a cell of the row. `{{` and `}}` stand for braces.
///
/// ```
/// # use bedrock_vpc_batch::prepare::template::Template;
/// let template = Template::parse("Review {id}:\n{text} {{as is}}").unwrap();
/// let columns = template.bind(&["id".to_owned(), "text".to_owned()]).unwrap();
/// assert_eq!(columns.fill(&["7", "Fine."]), "Review 7:\nFine. {as is}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece<String>>);

/// A template whose columns are known by their position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound(Vec<Piece<usize>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<C> {
    Text(String),
    Column(C),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, with its line and a fix.
    pub fn parse(template: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            plain.push_str(before);
            let line = || {
                let before = template.get(..template.len() - brace.len()).unwrap_or_default();
                before.matches('\n').count() + 1
            };
            if let Some(after) = brace.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else if let Some((name, after)) =
                brace.strip_prefix('{').and_then(|inside| inside.split_once('}'))
                && !name.contains(['{', '\n'])
            {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Column(name.trim().to_owned()));
                rest = after;
            } else {
                let shown = text::name(brace.lines().next().unwrap_or_default()).to_string();
                return Err(format!(
                    "line {}: a single brace at `{shown}`: write {{column}} for a column, and {{{{ or }}}} for a brace",
                    line()
                ));
            }
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// Returns the columns that it names, in their order.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Column(name) => Some(name.as_str()),
        })
    }

    /// Finds the columns of a table in the template.
    ///
    /// # Errors
    /// A column that the table does not have, and those that it has.
    pub fn bind(&self, columns: &[String]) -> Result<Bound, String> {
        let bind = |piece: &Piece<String>| match piece {
            Piece::Text(plain) => Ok(Piece::Text(plain.clone())),
            Piece::Column(name) => column(columns, name).map(Piece::Column),
        };
        self.0.iter().map(bind).collect::<Result<_, _>>().map(Bound)
    }
}

impl Bound {
    /// Whether it names no column, so that all rows get the same text.
    pub(super) fn is_constant(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// Returns the prompt for a row. A row that is too short has empty cells.
    #[must_use]
    pub fn fill(&self, row: &[&str]) -> String {
        let mut prompt = String::new();
        for piece in &self.0 {
            prompt.push_str(match piece {
                Piece::Text(plain) => plain.as_str(),
                Piece::Column(column) => row.get(*column).copied().unwrap_or_default(),
            });
        }
        prompt
    }
}

/// Returns the position of a column.
///
/// # Errors
/// There is no such column; the message lists those that there are.
pub(super) fn column(columns: &[String], name: &str) -> Result<usize, String> {
    columns.iter().position(|column| column == name).ok_or_else(|| {
        let shown: Vec<_> = columns.iter().take(50).map(|column| text::name(column).to_string()).collect();
        let more = if columns.len() > 50 { ", …" } else { "" };
        format!("the table has no column `{}`; it has: {}{more}", text::name(name), shown.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn braces_that_stand_alone_are_refused_with_their_line() {
        for (template, expected) in [
            ("a\n{", "line 2: a single brace at `{`"),
            ("}", "line 1: a single brace at `}`"),
            ("{a\nb}", "line 1: a single brace at `{a`"),
            ("\n\n{a{b}", "line 3: a single brace at `{a{b}`"),
            ("{{a}", "line 1: a single brace at `}`"),
        ] {
            let error = Template::parse(template).unwrap_err();
            assert!(error.starts_with(expected), "{template:?}: {error}");
        }
    }

    #[test]
    fn unknown_column_lists_the_columns() {
        let template = Template::parse("{ text } {nope}").unwrap();
        let error = template.bind(&["id".to_owned(), "text".to_owned()]).unwrap_err();
        assert_eq!(error, "the table has no column `nope`; it has: id, text");
    }

    proptest! {
        #[test]
        fn cells_are_put_in_as_they_are(before in "\\PC{0,9}", cell in "\\PC{0,9}[{}\n]{0,3}", after in "[^{}]{0,9}") {
            let escape = |text: &str| text.replace('{', "{{").replace('}', "}}");
            let template = Template::parse(&format!("{}{{c}}{}", escape(&before), escape(&after))).unwrap();
            let bound = template.bind(&["c".to_owned()]).unwrap();
            prop_assert_eq!(bound.fill(&[&cell]), format!("{before}{cell}{after}"));
        }
    }
}
