//! Compares what is known about a job that is over, and says whether all of it can be true. Pure.

use crate::drop::plan::Part;
use crate::job::answers::{Answers, Matched};
use crate::job::ending::{JobEnd, Manifest};

/// What the figures about a job say against each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Where figures that must agree do not. Empty, or somebody must look.
    pub mismatches: Vec<String>,
    /// Those of them by which more of the records may have been processed than the output shows.
    pub contradictions: Vec<String>,
}

/// Compares what is known about a job that is over: the part as it was planned, the lines of the output, Bedrock's
/// manifest, its counters and its status. Figures that are missing contradict nothing.
#[must_use]
pub fn evidence(
    part: &Part,
    answers: &Answers,
    matched: &Matched,
    end: &JobEnd,
    manifest: Option<&Manifest>,
) -> Evidence {
    let mut evidence = Evidence::default();
    let records = matched.answered() + matched.missing;
    if records != part.records {
        let planned = part.records;
        evidence.mismatches.push(format!("the part has {planned} records, its job's input {records}"));
    }
    if answers.repeated() > 0 {
        let repeated = answers.repeated();
        let what = format!("the output has {repeated} lines for records that it already has");
        evidence.mismatches.push(what);
    }
    let foreign = answers.records().saturating_sub(matched.answered());
    if foreign > 0 {
        evidence.contradict(format!("the output has {foreign} records that the input does not have"));
    }
    if answers.unreadable() > 0 {
        evidence.contradict(format!("the output has {} lines that cannot be read", answers.unreadable()));
    }
    if end.status == "Completed" && matched.missing > 0 {
        let missing = matched.missing;
        evidence.contradict(format!("the job is Completed, and the output lacks {missing} of its records"));
    }
    let errors = matched.failed + matched.retryable;
    let counted = [records, matched.answered(), matched.succeeded, errors];
    let manifest = manifest.copied().unwrap_or_default();
    let counts = [
        ("total", manifest.total_record_count, end.total_record_count),
        ("processed", manifest.processed_record_count, end.processed_record_count),
        ("success", manifest.success_record_count, end.success_record_count),
        ("error", manifest.error_record_count, end.error_record_count),
    ];
    for ((what, manifest, counter), ours) in counts.into_iter().zip(counted) {
        // Bedrock's counters may lag by a minute, and are 0 before: only more than there is contradicts.
        // <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html>
        for (who, theirs, may_lag) in
            [("the manifest", manifest, false), ("GetModelInvocationJob", counter, true)]
        {
            let Some(theirs) = theirs else { continue };
            let text = format!("{who} counts {theirs} {what} records, the output has {ours}");
            if theirs > ours {
                evidence.contradict(text);
            } else if theirs < ours && !may_lag && what != "total" {
                evidence.mismatches.push(text);
            }
        }
    }
    evidence
}

impl Evidence {
    fn contradict(&mut self, what: String) {
        self.mismatches.push(what.clone());
        self.contradictions.push(what);
    }

    /// Whether it cannot be told which of the records were processed: then nothing may be done about the rest. If
    /// all of them have a last word, there is no rest.
    #[must_use]
    pub fn is_doubtful(&self, matched: &Matched) -> bool {
        matched.rest() > 0 && !self.contradictions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::example::*;
    use crate::job::outcome::{Counts, outcome};

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
                vec!["the output has 1 records that the input does not have"],
            ),
            (
                all_and(("a", BAD)),
                end(None, None),
                None,
                vec!["the output has 1 lines for records that it already has"],
            ),
        ];
        for (lines, end, manifest, expected) in table {
            let answers = answers(&lines);
            let matched = matched(&answers);
            let evidence = evidence(&part(), &answers, &matched, &end, manifest.as_ref());
            assert_eq!(evidence.mismatches, expected);
            // All records have a last word, so whatever else is wrong, nothing is left to be decided.
            assert!(!evidence.is_doubtful(&matched));
            let outcome = outcome(&matched, None, &end, manifest.as_ref(), evidence);
            assert_eq!(outcome.mismatches, expected);
            assert_eq!(outcome.records, Counts { succeeded: 3, failed: 1, retried: 0, unprocessed: 0 });
        }
        let answers = answers(&all);
        let five = Part { records: 5, ..part() };
        let evidence = evidence(&five, &answers, &matched(&answers), &end(None, None), None);
        assert_eq!(evidence.mismatches, ["the part has 5 records, its job's input 4"]);
    }

    #[test]
    fn only_evidence_that_more_was_processed_makes_a_job_doubtful() {
        let three = [("a", GOOD), ("b", GOOD), ("c", BAD)];
        let counted = |total, processed, success, error| JobEnd {
            total_record_count: total,
            processed_record_count: processed,
            ..end(success, error)
        };
        let agrees = counted(Some(4), Some(3), Some(2), Some(1));
        let partly = |end| JobEnd { status: "PartiallyCompleted".into(), ..end };
        let manifest_of = |text: &str| Some(Manifest::parse(text.as_bytes()));
        type Row<'a> = (Vec<(&'a str, &'a str)>, JobEnd, Option<Manifest>, Option<&'a str>);
        let table: Vec<Row<'_>> = vec![
            (three.to_vec(), partly(agrees.clone()), None, None),
            // Nothing is known, counters lag, or the manifest is none or lacks members.
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
            // Fewer than the output shows is wrong, but says nothing of the rest.
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
                Some("the output has 1 records that the input does not have"),
            ),
            (
                [three.as_slice(), &[("d", "\"modelOutput\":")]].concat(),
                partly(agrees),
                None,
                Some("the output has 1 lines that cannot be read"),
            ),
        ];
        for (lines, end, manifest, expected) in table {
            let answers = answers(&lines);
            let matched = matched(&answers);
            let evidence = evidence(&part(), &answers, &matched, &end, manifest.as_ref());
            let contradictions: Vec<&str> = evidence.contradictions.iter().map(String::as_str).collect();
            assert_eq!(contradictions, Vec::from_iter(expected), "{lines:?} {end:?} {manifest:?}");
            assert_eq!(evidence.is_doubtful(&matched), expected.is_some());
        }
    }
}
