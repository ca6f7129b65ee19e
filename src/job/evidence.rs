//! Compares what is known about a job that is over, and says whether all of it can be true. Pure.
//!
//! Five sources say how many records a job has, and what became of them: the part as it was planned, the lines of the
//! output, Bedrock's manifest, its counters, and its status. They are compared like this:
//!
//! | what | mismatch | contradiction |
//! |---|---|---|
//! | the job's input has another number of records than the part | yes | |
//! | the output has several lines for a record | yes | |
//! | the output has records that the input does not have | yes | yes |
//! | the output has lines that cannot be read | yes | yes |
//! | the job is `Completed`, and the output lacks records | yes | yes |
//! | the manifest or a counter is higher than the output | yes | yes |
//! | the manifest is lower than the output, except for the total | yes | |
//! | a counter is lower than the output | | |
//!
//! A mismatch is reported. A contradiction also means that Bedrock may have processed more records than the output
//! shows, so the remaining records must not be submitted again. A missing manifest or counter contradicts nothing,
//! and neither does a lower counter: counters start at 0 and may lag by a minute.
//!
//! Manifest and counters include the job's padding, so they are compared with the records and the padding in the output.
//! What became of padding does not matter by itself: if it is missing, that is neither a mismatch nor a contradiction.
//! If manifest and counters say that more was processed than the output shows, and padding is missing, too, it may be
//! that padding, or it may be a record. So that is a contradiction, unless no record remains.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html>

use crate::base::count::Counted;
use crate::drop::plan::Part;
use crate::job::answers::{Answers, Matched};
use crate::job::ending::{EndStatus, JobEnd, Manifest};

/// Where the sources disagree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// All disagreements. If there are any, someone must look.
    pub mismatches: Vec<String>,
    /// Those mismatches that suggest that Bedrock processed more records than the output shows.
    pub contradictions: Vec<String>,
}

impl Evidence {
    /// Compares all sources.
    #[must_use]
    pub fn of(
        part: &Part,
        answers: &Answers,
        matched: &Matched,
        end: &JobEnd,
        manifest: Option<&Manifest>,
    ) -> Self {
        let mut evidence = Self::default();
        evidence.compare_lines(part, answers, matched, end.status);
        let manifest = manifest.map(|manifest| manifest.counts).unwrap_or_default();
        let counters = end.counts;
        let padding = answers.padding();
        let errors = matched.failed + matched.retryable + padding.failed;
        let unclear = if matched.remaining() == 0 { padding.missing() } else { 0 };
        for (what, output, unclear, manifest, counter) in [
            ("total", matched.records() + padding.records, 0, manifest.total, counters.total),
            (
                "processed",
                matched.answered() + padding.answered(),
                unclear,
                manifest.processed,
                counters.processed,
            ),
            ("success", matched.succeeded + padding.succeeded, unclear, manifest.success, counters.success),
            ("error", errors, unclear, manifest.error, counters.error),
        ] {
            evidence.compare_manifest(what, output, unclear, manifest);
            evidence.compare_counter(what, output, unclear, counter);
        }
        evidence
    }

    /// Returns whether nobody can tell which of the remaining records were processed, so nothing may be done about
    /// them. If Bedrock has given its last word on every record, none remain.
    #[must_use]
    pub fn is_doubtful(&self, matched: &Matched) -> bool {
        matched.remaining() > 0 && !self.contradictions.is_empty()
    }

    fn compare_lines(&mut self, part: &Part, answers: &Answers, matched: &Matched, status: EndStatus) {
        let (planned, records) = (part.records, matched.records());
        if records != planned {
            self.disagree(format!(
                "the part has {}, its job's input has {records}",
                Counted(planned, "record")
            ));
        }
        if answers.repeated() > 0 {
            let lines = Counted(answers.repeated(), "line");
            self.disagree(format!("the output has {lines} for records that it already has"));
        }
        let foreign = answers.records().saturating_sub(matched.answered());
        if foreign > 0 {
            let foreign = Counted(foreign, "record");
            self.contradict(format!("the output has {foreign} that the input does not have"));
        }
        if answers.unreadable() > 0 {
            let lines = Counted(answers.unreadable(), "line");
            self.contradict(format!("the output has {lines} that cannot be read"));
        }
        if status == EndStatus::Completed && matched.missing > 0 {
            let missing = matched.missing;
            self.contradict(format!("the job is Completed, and the output lacks {missing} of its records"));
        }
    }

    /// Compares a count. Up to `unclear` more than the output has are padding without a line.
    fn compare_manifest(&mut self, what: &str, output: u64, unclear: u64, manifest: Option<u64>) {
        let Some(count) = manifest else { return };
        let disagreement = format!("the manifest counts {count} {what} records, the output has {output}");
        if count > output + unclear {
            self.contradict(disagreement);
        } else if count < output && what != "total" {
            self.disagree(disagreement);
        }
    }

    fn compare_counter(&mut self, what: &str, output: u64, unclear: u64, counter: Option<u64>) {
        let Some(count) = counter else { return };
        if count > output + unclear {
            self.contradict(format!(
                "GetModelInvocationJob counts {count} {what} records, the output has {output}"
            ));
        }
    }

    fn disagree(&mut self, disagreement: String) {
        self.mismatches.push(disagreement);
    }

    fn contradict(&mut self, contradiction: String) {
        self.mismatches.push(contradiction.clone());
        self.contradictions.push(contradiction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::padding::padding_id;
    use crate::job::ending::RecordCounts;
    use crate::job::example::*;

    #[test]
    fn every_figure_that_disagrees_is_named() {
        let all = [("a", GOOD), ("b", GOOD), ("c", GOOD), ("d", BAD)];
        let all_and = |more| [all.as_slice(), &[more]].concat();
        type Row<'a> = (Vec<(&'a str, &'a str)>, JobEnd, Option<Manifest>, Vec<&'a str>);
        let table: Vec<Row<'_>> = vec![
            (all.to_vec(), end(Some(3), Some(1)), Some(manifest(3, 1)), vec![]),
            (all.to_vec(), end(None, None), None, vec![]),
            // Bedrock's counters may lag.
            (all.to_vec(), end(Some(2), Some(0)), Some(manifest(3, 1)), vec![]),
            (
                all.to_vec(),
                end(Some(4), Some(1)),
                None,
                vec!["GetModelInvocationJob counts 4 success records, the output has 3"],
            ),
            (
                all.to_vec(),
                end(Some(3), Some(1)),
                Some(manifest(2, 2)),
                vec![
                    "the manifest counts 2 success records, the output has 3",
                    "the manifest counts 2 error records, the output has 1",
                ],
            ),
            (
                all_and(("x", GOOD)),
                end(None, None),
                None,
                vec!["the output has 1 record that the input does not have"],
            ),
            (
                all_and(("a", BAD)),
                end(None, None),
                None,
                vec!["the output has 1 line for records that it already has"],
            ),
        ];
        for (lines, end, manifest, expected) in table {
            let answers = answers(&lines);
            let matched = matched(&answers);
            let evidence = Evidence::of(&part(), &answers, &matched, &end, manifest.as_ref());
            assert_eq!(evidence.mismatches, expected);
            // Bedrock has given its last word on all records, so nothing is left to be decided.
            assert!(!evidence.is_doubtful(&matched));
        }
        let answers = answers(&all);
        let five = Part { records: 5, ..part() };
        let evidence = Evidence::of(&five, &answers, &matched(&answers), &end(None, None), None);
        assert_eq!(evidence.mismatches, ["the part has 5 records, its job's input has 4"]);
    }

    #[test]
    fn only_evidence_that_more_was_processed_makes_a_job_doubtful() {
        let three = [("a", GOOD), ("b", GOOD), ("c", BAD)];
        let counted = |total, processed, success, error| JobEnd {
            counts: RecordCounts { total, processed, success, error },
            ..end(success, error)
        };
        let agrees = counted(Some(4), Some(3), Some(2), Some(1));
        let partly = |end| JobEnd { status: EndStatus::PartiallyCompleted, ..end };
        let manifest_of = |text: &str| Some(Manifest::parse(text.as_bytes()));
        type Row<'a> = (Vec<(&'a str, &'a str)>, JobEnd, Option<Manifest>, Option<&'a str>);
        let table: Vec<Row<'_>> = vec![
            (three.to_vec(), partly(agrees.clone()), None, None),
            // There are no counters, they lag, or the manifest is not JSON or lacks members.
            (three.to_vec(), partly(counted(None, None, None, None)), None, None),
            (three.to_vec(), partly(counted(Some(0), Some(0), Some(0), Some(0))), None, None),
            (three.to_vec(), partly(agrees.clone()), manifest_of("not JSON"), None),
            (three.to_vec(), partly(agrees.clone()), manifest_of(r#"{"successRecordCount": null}"#), None),
            (
                three.to_vec(),
                partly(agrees.clone()),
                manifest_of(r#"{"processedRecordCount": 3, "successRecordCount": 2, "errorRecordCount": 1}"#),
                None,
            ),
            // A manifest with fewer records than the output is wrong, but says nothing about the remaining records.
            (three.to_vec(), partly(agrees.clone()), manifest_of(r#"{"successRecordCount": 1}"#), None),
            (
                three.to_vec(),
                partly(counted(Some(4), Some(4), None, None)),
                None,
                Some("GetModelInvocationJob counts 4 processed records, the output has 3"),
            ),
            (
                three.to_vec(),
                partly(counted(Some(4), None, Some(3), None)),
                None,
                Some("GetModelInvocationJob counts 3 success records, the output has 2"),
            ),
            (
                three.to_vec(),
                partly(agrees.clone()),
                manifest_of(r#"{"errorRecordCount": 2}"#),
                Some("the manifest counts 2 error records, the output has 1"),
            ),
            (
                three.to_vec(),
                partly(agrees.clone()),
                manifest_of(r#"{"totalRecordCount": 5}"#),
                Some("the manifest counts 5 total records, the output has 4"),
            ),
            (
                three.to_vec(),
                agrees.clone(),
                None,
                Some("the job is Completed, and the output lacks 1 of its records"),
            ),
            (
                vec![],
                counted(None, None, None, None),
                None,
                Some("the job is Completed, and the output lacks 4 of its records"),
            ),
            (
                [three.as_slice(), &[("x", GOOD)]].concat(),
                partly(agrees.clone()),
                None,
                Some("the output has 1 record that the input does not have"),
            ),
            (
                [three.as_slice(), &[("d", "\"modelOutput\":")]].concat(),
                partly(agrees),
                None,
                Some("the output has 1 line that cannot be read"),
            ),
        ];
        for (lines, end, manifest, expected) in table {
            let answers = answers(&lines);
            let matched = matched(&answers);
            let evidence = Evidence::of(&part(), &answers, &matched, &end, manifest.as_ref());
            let contradictions: Vec<&str> = evidence.contradictions.iter().map(String::as_str).collect();
            assert_eq!(contradictions, Vec::from_iter(expected), "{lines:?} {end:?} {manifest:?}");
            assert_eq!(evidence.is_doubtful(&matched), expected.is_some());
        }
    }
    /// The answers of a job with the records a, b, c, and d, and with padding.
    fn padded(lines: &[(&str, &str)], padding: &[&str], records: u64) -> Answers {
        let job_id = part().job_id;
        let mut answers = answers(&[]).with_padding(&job_id, records);
        let padding = (1..).zip(padding).map(|(number, rest)| (padding_id(&job_id, number), *rest));
        let lines = lines.iter().map(|(id, rest)| ((*id).to_owned(), *rest));
        for (id, rest) in lines.chain(padding) {
            answers.judge(format!(r#"{{"recordId":"{id}",{rest}}}"#).as_bytes());
        }
        answers
    }

    #[test]
    fn padding_neither_makes_nor_hides_a_contradiction() {
        let counts = |total, processed, success, error| RecordCounts {
            total: Some(total),
            processed: Some(processed),
            success: Some(success),
            error: Some(error),
        };
        let of = |answers: &Answers, status, counts: RecordCounts| {
            let (matched, end) = (matched(answers), JobEnd { status, counts, ..end(None, None) });
            let manifest = Manifest { counts, ..Manifest::default() };
            let evidence = Evidence::of(&part(), answers, &matched, &end, Some(&manifest));
            (evidence.mismatches.len(), evidence.contradictions.len(), evidence.is_doubtful(&matched))
        };
        let (completed, partly) = (EndStatus::Completed, EndStatus::PartiallyCompleted);
        let all = [("a", GOOD), ("b", GOOD), ("c", GOOD), ("d", BAD)];
        let three = [("a", GOOD), ("b", GOOD), ("c", BUSY)];
        let clean = (0, 0, false);
        // Everything is there, and Bedrock counts the padding, too.
        assert_eq!(of(&padded(&all, &[GOOD, BAD], 2), completed, counts(6, 6, 4, 2)), clean);
        // Padding failed, or is missing. Bedrock may count it or not.
        assert_eq!(of(&padded(&all, &[BUSY, BUSY], 2), completed, counts(6, 6, 3, 3)), clean);
        assert_eq!(of(&padded(&all, &[], 2), completed, counts(6, 4, 3, 1)), clean);
        assert_eq!(of(&padded(&all, &[], 2), completed, counts(6, 6, 5, 1)), clean);
        assert_eq!(of(&padded(&all, &[], 2), completed, counts(6, 6, 3, 3)), clean);
        // That explains two more records, but not three.
        let (mismatches, contradictions, doubtful) = of(&padded(&all, &[], 2), completed, counts(7, 7, 6, 1));
        assert_eq!((mismatches, contradictions, doubtful), (6, 6, false));
        // A record is missing, and the padding is complete: Bedrock must not have processed more.
        assert_eq!(of(&padded(&three, &[GOOD, GOOD], 2), partly, counts(6, 5, 4, 1)), clean);
        assert!(of(&padded(&three, &[GOOD, GOOD], 2), partly, counts(6, 6, 5, 1)).2);
        assert!(of(&padded(&three, &[GOOD, GOOD], 2), completed, counts(6, 5, 4, 1)).2);
        // If padding is missing, too, nobody knows which of the two Bedrock processed.
        assert_eq!(of(&padded(&three, &[GOOD], 2), partly, counts(6, 4, 3, 1)), clean);
        assert!(of(&padded(&three, &[GOOD], 2), partly, counts(6, 5, 4, 1)).2);
        // Padding that the job does not have, or has twice, is as any foreign or repeated line.
        assert!(of(&padded(&three, &[GOOD, GOOD, GOOD], 2), partly, counts(6, 6, 5, 1)).2);
        let mut twice = padded(&all, &[GOOD, GOOD], 2);
        twice.judge(format!(r#"{{"recordId":"{}",{GOOD}}}"#, padding_id(&part().job_id, 1)).as_bytes());
        assert_eq!(of(&twice, completed, counts(6, 6, 5, 1)), (1, 0, false));
    }
}
