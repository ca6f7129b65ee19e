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
        let errors = matched.failed + matched.retryable;
        for (what, output, manifest, counter) in [
            ("total", matched.records(), manifest.total, counters.total),
            ("processed", matched.answered(), manifest.processed, counters.processed),
            ("success", matched.succeeded, manifest.success, counters.success),
            ("error", errors, manifest.error, counters.error),
        ] {
            evidence.compare_manifest(what, output, manifest);
            evidence.compare_counter(what, output, counter);
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

    fn compare_manifest(&mut self, what: &str, output: u64, manifest: Option<u64>) {
        let Some(count) = manifest else { return };
        let disagreement = format!("the manifest counts {count} {what} records, the output has {output}");
        if count > output {
            self.contradict(disagreement);
        } else if count < output && what != "total" {
            self.disagree(disagreement);
        }
    }

    fn compare_counter(&mut self, what: &str, output: u64, counter: Option<u64>) {
        let Some(count) = counter else { return };
        if count > output {
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
}
