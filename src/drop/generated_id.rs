//! The ids of records that came without one, and how they are written into a job's input. Pure.
//!
//! No other file knows what such an id looks like.

use crate::drop::identity::DropId;
use crate::record::input::InputReader;
use crate::record::lines::Line;

/// How many digits of the drop-id are part of the id.
const DROP_ID_CHARS: usize = 12;

/// The id of a record that came without one, such as `2050a70013d5-line-17`. It says where the record is, and
/// is the same in every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedId(String);

impl GeneratedId {
    /// Makes the id of the record on a line of a drop, counted from 1.
    #[must_use]
    pub fn new(drop_id: &DropId, line: u64) -> Self {
        let drop: String = drop_id.as_str().chars().take(DROP_ID_CHARS).collect();
        Self(format!("{drop}-line-{line}"))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns how many bytes longer the line is with the id than without it.
    #[must_use]
    pub fn added_bytes(&self) -> u64 {
        self.member().len() as u64
    }

    /// Returns what is written after the `{` of the record. A comma follows the id, because every record has
    /// at least a `modelInput`.
    fn member(&self) -> String {
        format!("\"recordId\":\"{}\",", self.0)
    }
}

/// Appends a line of a drop and a `\n` to `out`. If the record does not have an id, it gets its generated
/// one. Returns `None` if the line is not a record.
pub fn push_with_id(
    drop_id: &DropId,
    reader: &mut InputReader,
    line: &Line<'_>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let bytes = line.bytes?;
    let record = reader.read(bytes).ok()?;
    if record.record_id.is_some() {
        out.extend_from_slice(bytes);
    } else {
        let (before, after) = bytes.split_at_checked(record.object_start + 1)?;
        out.extend_from_slice(before);
        out.extend_from_slice(GeneratedId::new(drop_id, line.number).member().as_bytes());
        out.extend_from_slice(after);
    }
    out.push(b'\n');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::input::parse_input_record;

    fn drop_id() -> DropId {
        DropId::parse("0123456789abcdef0123456789abcdef").unwrap()
    }

    fn rewritten(line: &str) -> Option<String> {
        let mut out = Vec::new();
        let line = Line { number: 17, byte: 0, bytes: Some(line.as_bytes()) };
        push_with_id(&drop_id(), &mut InputReader::default(), &line, &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn record_without_an_id_gets_one_that_says_where_it_is() {
        let id = GeneratedId::new(&drop_id(), 17);
        assert_eq!(id.as_str(), "0123456789ab-line-17");
        for line in [r#"{"modelInput":{}}"#, " \t{ \"modelInput\" : {} } \r"] {
            let with_id = rewritten(line).unwrap();
            assert_eq!(with_id, line.replacen('{', r#"{"recordId":"0123456789ab-line-17","#, 1) + "\n");
            assert_eq!(with_id.len() as u64, line.len() as u64 + 1 + id.added_bytes());
            let record = parse_input_record(with_id.trim_end_matches('\n').as_bytes()).unwrap();
            assert_eq!(record.record_id.as_deref(), Some(id.as_str()));
        }
    }

    #[test]
    fn other_lines_are_left_as_they_are() {
        let line = r#" {"modelInput":{},"recordId":"1"}"#;
        assert_eq!(rewritten(line), Some(format!("{line}\n")));
        assert_eq!(rewritten(r#"{"recordId":"1"}"#), None);
        let too_long = Line { number: 17, byte: 0, bytes: None };
        assert_eq!(push_with_id(&drop_id(), &mut InputReader::default(), &too_long, &mut vec![]), None);
    }
}
