//! Writes the lines of a part as its job gets them: with ids, and repaired. Pure.

use crate::drop::generated_id::GeneratedId;
use crate::drop::identity::DropId;
use crate::record::input::InputReader;
use crate::record::parsed::InputRecord;
use crate::record::repairing::{RepairedLine, repair_line};

/// Rewrites the lines of a part, in order.
#[derive(Debug)]
pub struct Rewriter<'a> {
    drop_id: &'a DropId,
    reader: InputReader,
    /// The number of the next line in the drop, counted from 1.
    line: u64,
}

/// A line that was a record when the drop was judged is none now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is no longer a record")]
pub struct NoRecord(pub u64);

impl<'a> Rewriter<'a> {
    /// Makes a rewriter for lines from `first_line` of the drop on, counted from 1.
    #[must_use]
    pub fn new(drop_id: &'a DropId, first_line: u64) -> Self {
        Self { drop_id, reader: InputReader::repairing(), line: first_line }
    }

    /// Appends the next line to `out`, which is given without its `\n`, or as `None` if it is too long. What is appended
    /// may be nothing, or several lines, each with its `\n`.
    ///
    /// # Errors
    /// [`NoRecord`] if the line is not a record.
    pub fn push(&mut self, line: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), NoRecord> {
        let Self { drop_id, reader, line: number } = self;
        repair_line(reader, line.ok_or(NoRecord(*number))?, |RepairedLine { bytes, found, .. }| {
            let record = found.map_err(|_| NoRecord(*number))?;
            if let Some(record) = record {
                push_record(drop_id, *number, &record, bytes, out);
                out.push(b'\n');
            }
            *number += 1;
            Ok(())
        })
    }

    /// Calls `each` with the ids of the records on the next line, in order, as the job has them. The line is given as for
    /// [`push`](Self::push).
    ///
    /// # Errors
    /// [`NoRecord`] if the line is not a record.
    pub fn each_id(&mut self, line: Option<&[u8]>, mut each: impl FnMut(&str)) -> Result<(), NoRecord> {
        let Self { drop_id, reader, line: number } = self;
        repair_line(reader, line.ok_or(NoRecord(*number))?, |RepairedLine { found, .. }| {
            if let Some(record) = found.map_err(|_| NoRecord(*number))? {
                match &record.record_id {
                    Some(id) => each(id),
                    None => each(GeneratedId::new(drop_id, *number).as_str()),
                }
            }
            *number += 1;
            Ok(())
        })
    }
}

fn push_record(drop_id: &DropId, number: u64, record: &InputRecord<'_>, line: &[u8], out: &mut Vec<u8>) {
    if let Some(repair) = &record.repair {
        repair.push_repaired(line, out);
    } else if record.record_id.is_some() {
        out.extend_from_slice(line);
    } else if let Some((before, after)) = line.split_at_checked(record.object_start + 1) {
        out.extend_from_slice(before);
        out.extend_from_slice(GeneratedId::new(drop_id, number).member().as_bytes());
        out.extend_from_slice(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::input::parse_input_record;

    fn drop_id() -> DropId {
        DropId::parse("0123456789abcdef0123456789abcdef").unwrap()
    }

    /// Rewrites lines of a drop, of which the first is line 17.
    fn rewritten(lines: &[u8]) -> Result<String, NoRecord> {
        let mut out = Vec::new();
        let drop_id = drop_id();
        let mut rewriter = Rewriter::new(&drop_id, 17);
        lines.split(|byte| *byte == b'\n').try_for_each(|line| rewriter.push(Some(line), &mut out))?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn record_without_an_id_gets_one_that_says_where_it_is() {
        let id = GeneratedId::new(&drop_id(), 17);
        assert_eq!(id.as_str(), "0123456789ab-line-17");
        for line in [r#"{"modelInput":{}}"#, " \t{ \"modelInput\" : {} } \r"] {
            let with_id = rewritten(line.as_bytes()).unwrap();
            assert_eq!(with_id, line.replacen('{', r#"{"recordId":"0123456789ab-line-17","#, 1) + "\n");
            assert_eq!(with_id.len() as u64, line.len() as u64 + 1 + id.added_bytes());
            let record = parse_input_record(with_id.trim_end_matches('\n').as_bytes()).unwrap();
            assert_eq!(record.record_id.as_deref(), Some(id.as_str()));
        }
    }

    #[test]
    fn records_are_left_as_they_are() {
        let line = r#" {"modelInput":{},"recordId":"1"}"#;
        assert_eq!(rewritten(line.as_bytes()), Ok(format!("{line}\n")));
        assert_eq!(rewritten(br#"{"recordId":"1"}"#), Err(NoRecord(17)));
        let drop_id = drop_id();
        assert_eq!(Rewriter::new(&drop_id, 3).push(None, &mut vec![]), Err(NoRecord(3)));
    }

    #[test]
    fn what_is_almost_a_record_becomes_one() {
        let table: [(&str, &str); 12] = [
            ("", ""),
            (" \t\r", ""),
            ("\u{feff}", ""),
            (
                "\u{feff}\u{feff}{\"recordId\":\"1\",\"modelInput\":{}}\r",
                "{\"recordId\":\"1\",\"modelInput\":{}}\r\n",
            ),
            (r#" {"recordId" : -7 , "modelInput":{}} "#, " {\"recordId\" : \"-7\" , \"modelInput\":{}} \n"),
            (r#"{"recordId":0,"modelInput":{}}"#, "{\"recordId\":\"0\",\"modelInput\":{}}\n"),
            (
                r#" { "a" : [1], "modelInput" : {"recordId": 1}, "b":"}" , "recordId":"1" , "c":null } "#,
                "{\"modelInput\" : {\"recordId\": 1},\"recordId\":\"1\"}\n",
            ),
            (
                r#"{"record\u0049d":123456789012345678901234567890,"a":1,"a":2,"modelInput":{}}"#,
                "{\"record\\u0049d\":\"123456789012345678901234567890\",\"modelInput\":{}}\n",
            ),
            (
                "{\"modelInput\":{}}\r\r{\"modelInput\":{}}",
                "{\"recordId\":\"0123456789ab-line-17\",\"modelInput\":{}}\n{\"recordId\":\"0123456789ab-line-19\",\"modelInput\":{}}\n",
            ),
            ("\n\u{feff}{\"modelInput\":{}}", "{\"recordId\":\"0123456789ab-line-18\",\"modelInput\":{}}\n"),
            (
                "\r{\"recordId\":\"1\",\"modelInput\":{}}\r{\"recordId\":\"2\",\"modelInput\":{}}\r",
                "{\"recordId\":\"1\",\"modelInput\":{}}\n{\"recordId\":\"2\",\"modelInput\":{}}\r\n",
            ),
            // White space as in all JSON, so these are records already.
            (
                "{\"recordId\":\r\"1\",\r\"modelInput\":{}}\r\r",
                "{\"recordId\":\r\"1\",\r\"modelInput\":{}}\r\r\n",
            ),
        ];
        for (line, expected) in table {
            assert_eq!(rewritten(line.as_bytes()).as_deref(), Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn what_may_mean_something_else_is_left_alone() {
        for line in [
            r#"{"recordId":7.0,"modelInput":{}}"#,
            r#"{"recordId":1e3,"modelInput":{}}"#,
            r#"{"recordId":true,"modelInput":{}}"#,
            r#"{"recordId":null,"modelInput":{}}"#,
            r#"{"recordId":01,"modelInput":{}}"#,
            r#"{"recordId":+1,"modelInput":{}}"#,
            r#"{"recordId":"","modelInput":{},"a":1}"#,
            r#"{"record_id":"1","modelInput":{}}"#,
            r#"{"recordId":1,"recordId":1,"modelInput":{}}"#,
            r#"{"recordId":"1","a":1}"#,
            r#"{"recordId":"1","modelInput":"{}","a":1}"#,
            r#"{"recordId":"1","modelInput":{},"a":tru}"#,
            r#"{"recordId":"1","modelInput":{},"a":"\ud800"}"#,
            "{\"recordId\":\"1\",\"modelInput\":{}}\u{feff}",
            " \u{feff}{\"recordId\":\"1\",\"modelInput\":{}}",
            "\u{a0}",
            "{\"recordId\":\"1\",\"modelInput\":{}}\r{",
            "{\r{\"recordId\":\"1\",\"modelInput\":{}}\r",
        ] {
            assert!(rewritten(line.as_bytes()).is_err(), "{line:?}");
        }
    }
}
