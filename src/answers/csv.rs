//! Writes cells of CSV, as RFC 4180 has them, so that no spreadsheet runs what a model or a user wrote. Pure.
//!
//! Excel, `LibreOffice`, and Google Sheets take a cell for a formula by its first character. OWASP lists these characters and
//! a quote in front of them as what helps; a person sees the quote. Numbers of JSON are left alone.
//! <https://owasp.org/www-community/attacks/CSV_Injection>, <https://www.rfc-editor.org/rfc/rfc4180> (read 2026-11)

use super::fields::Value;

/// The characters with which a formula may start: also their full-width forms, which some spreadsheets take for the same,
/// and white space and NUL, which some skip.
const STARTS_OF_FORMULAS: [char; 12] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// How cells are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// A spreadsheet runs none of them.
    Safe,
    /// As they are.
    Raw,
}

impl Cells {
    /// Appends a row.
    pub fn push_row<'a>(self, row: impl IntoIterator<Item = &'a Value<'a>>, out: &mut Vec<u8>) {
        for (at, value) in row.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match value {
                Value::Missing => {}
                Value::Json(json) => self.push(json, is_number(json), out),
                Value::Text(text) => self.push(text, false, out),
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Appends a row of names.
    pub fn push_names<'a>(self, names: impl IntoIterator<Item = &'a str>, out: &mut Vec<u8>) {
        let names: Vec<Value<'_>> = names.into_iter().map(|name| Value::Text(name.into())).collect();
        self.push_row(&names, out);
    }

    fn push(self, text: &str, is_harmless: bool, out: &mut Vec<u8>) {
        let is_formula = text.trim_start_matches(' ').starts_with(STARTS_OF_FORMULAS);
        let prefix = if self == Self::Safe && is_formula && !is_harmless { "'" } else { "" };
        // A spreadsheet may take these for the end of a cell, and what follows for the start of another one.
        if text.contains(['"', ',', ';', '\t', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ') {
            out.push(b'"');
            out.extend_from_slice(prefix.as_bytes());
            for (at, piece) in text.split('"').enumerate() {
                if at > 0 {
                    out.extend_from_slice(b"\"\"");
                }
                out.extend_from_slice(piece.as_bytes());
            }
            out.push(b'"');
        } else {
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Whether JSON that is not a string is a number.
fn is_number(json: &str) -> bool {
    json.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(cells: Cells, values: &[Value<'_>]) -> String {
        let mut out = Vec::new();
        cells.push_row(values, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn text(cells: Cells, text: &str) -> String {
        row(cells, &[Value::Text(text.into())]).trim_end_matches("\r\n").to_owned()
    }

    #[test]
    fn cells_are_quoted_as_the_rfc_says() {
        let values =
            [Value::Text("a".into()), Value::Missing, Value::Json("1.50"), Value::Json(r#"{"a":1}"#)];
        assert_eq!(row(Cells::Safe, &values), "a,,1.50,\"{\"\"a\"\":1}\"\r\n");
        assert_eq!(text(Cells::Safe, "x, \"y\"\nz"), "\"x, \"\"y\"\"\nz\"");
        let mut out = Vec::new();
        Cells::Safe.push_names(["recordId", "=text"], &mut out);
        assert_eq!(out, b"recordId,'=text\r\n");
    }

    #[test]
    fn no_spreadsheet_runs_a_cell() {
        let formulas = [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "\0=1",
            "\u{ff1d}1",
            "\u{ff0b}1",
            "\u{ff0d}1",
            "\u{ff20}1",
            " =1",
            "=cmd|'/c calc'!A1",
            "=HYPERLINK(\"http://a\",\"b\")",
        ];
        for formula in formulas {
            let cell = text(Cells::Safe, formula);
            assert!(cell.trim_start_matches('"').starts_with('\''), "{cell:?}");
            assert!(!text(Cells::Raw, formula).contains("'="), "{formula:?}");
        }
        for harmless in ["a=1", "1-1", "'=1", "é"] {
            assert_eq!(text(Cells::Safe, harmless), harmless);
        }
        assert_eq!(row(Cells::Safe, &[Value::Json("-1"), Value::Text("-1".into())]), "-1,'-1\r\n");
    }

    proptest! {
        #[test]
        fn cells_are_read_back(cells in prop::collection::vec("[\\PC\n\r\"=;,\t ]{0,12}", 1..5)) {
            let values: Vec<Value<'_>> = cells.iter().map(|cell| Value::Text(cell.into())).collect();
            let written = row(Cells::Raw, &values);
            let mut reader = csv_core::Reader::new();
            let (mut out, mut ends) = (vec![0; 4_096], vec![0; 16]);
            let (_, _, _, count) = reader.read_record(written.as_bytes(), &mut out, &mut ends);
            let mut start = 0;
            let read: Vec<&str> = ends[..count].iter().map(|end| {
                let cell = std::str::from_utf8(&out[start..*end]).unwrap();
                start = *end;
                cell
            }).collect();
            // A row with one empty cell is a blank line.
            prop_assume!(cells.len() > 1 || !cells[0].is_empty());
            prop_assert_eq!(read, cells);
        }
    }
}
