//! The tokens that the records of an earlier drop took, from its `summary.json`. Pure.

use super::range::Range;
use super::script::float;
use crate::base::arn;
use crate::job::summary::Summary;

/// No two files are alike: what an earlier one took is taken for this much less or more.
const MARGIN: f64 = 0.1;

/// Why nothing follows from a summary.
#[derive(Debug, thiserror::Error)]
pub enum LikeError {
    /// It is of another model.
    #[error("the summary is of the model {0}")]
    OtherModel(String),
    /// It has no tokens, or no records that have an answer.
    #[error("the summary has no tokens: no record has an answer")]
    NoTokens,
}

/// What the records of an earlier drop took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taken {
    records: f64,
    bytes: f64,
    input: Range,
    output: Range,
}

/// Returns the model of an earlier drop, if all its jobs had the same one.
#[must_use]
pub fn model_of(summary: &Summary) -> Option<&str> {
    let mut models = summary.jobs.iter().map(|job| job.outcome.model_id.as_str());
    let first = models.next()?;
    models.all(|model| model == first).then_some(first)
}

impl Taken {
    /// Reads what the records of an earlier drop of this model took.
    ///
    /// # Errors
    /// [`LikeError`] if that does not follow from the summary.
    pub fn of(summary: &Summary, model_id: &str) -> Result<Self, LikeError> {
        let other = summary.jobs.iter().find(|job| arn::id_of(&job.outcome.model_id) != arn::id_of(model_id));
        if let Some(job) = other {
            return Err(LikeError::OtherModel(job.outcome.model_id.clone()));
        }
        let records = float(summary.records.succeeded);
        if summary.records.succeeded == 0 || summary.input_tokens == 0 {
            return Err(LikeError::NoTokens);
        }
        // The sums include those of padding, of which only the most is known.
        let (padding_in, padding_out) = summary.padding.as_ref().map_or((0, 0), |padding| {
            (padding.max_input_tokens, padding.max_output_tokens.unwrap_or(summary.output_tokens))
        });
        let without =
            |sum: u64, padding: u64| Range { least: float(sum.saturating_sub(padding)), most: float(sum) };
        let bytes = float(summary.source.size_bytes) * records / float(summary.records.total.max(1));
        Ok(Self {
            records,
            bytes,
            input: without(summary.input_tokens, padding_in),
            output: without(summary.output_tokens, padding_out),
        })
    }

    /// Returns what the records of a file take if they are like those: per record, or per byte.
    #[must_use]
    pub fn scaled(&self, records: u64, bytes: u64) -> (Range, Range) {
        let (per_record, per_byte) = (float(records) / self.records, float(bytes) / self.bytes.max(1.0));
        let scaled = |tokens: Range| {
            let Range { least, most } = (tokens * per_record).or(tokens * per_byte);
            Range { least: least * (1.0 - MARGIN), most: most * (1.0 + MARGIN) }
        };
        (scaled(self.input), scaled(self.output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A summary as the pipeline writes it, with what this room reads.
    fn summary(succeeded: u64, tokens: [u64; 2], padding: Option<[u64; 2]>) -> Summary {
        let total = succeeded + 10;
        let padding = padding.map_or(serde_json::Value::Null, |[input, output]| {
            serde_json::json!({"records": 10, "bodies": [], "max_input_tokens": input, "max_output_tokens": output,
                "max_cost_usd": null, "prices": []})
        });
        serde_json::from_value(serde_json::json!({
            "version": 1,
            "drop_id": "0123456789abcdef0123456789abcdef",
            "source": {"bucket": "b", "key": "k.jsonl", "version_id": null, "etag": "e",
                "last_modified": "2026-11-27T00:00:00Z", "size_bytes": 1_000 * total},
            "records": {"total": total, "succeeded": succeeded, "failed": 10, "unprocessed": 0, "source_deleted": 0},
            "balanced": true, "mismatches": [], "input_tokens": tokens[0], "output_tokens": tokens[1],
            "padding": padding, "files": [], "jobs": []
        }))
        .unwrap()
    }

    fn near(found: Range, least: f64, most: f64) {
        let is_near = |a: f64, b: f64| (a - b).abs() < 0.001 * b.max(1.0);
        assert!(is_near(found.least, least) && is_near(found.most, most), "{found:?} is not {least}..{most}");
    }

    #[test]
    fn tokens_follow_from_records_and_bytes() {
        let taken = Taken::of(&summary(100, [5_000, 700], None), "m").unwrap();
        // Twice the records and three times the bytes.
        let (input, output) = taken.scaled(200, 300_000);
        near(input, 9_000.0, 16_500.0);
        near(output, 1_260.0, 2_310.0);
    }

    #[test]
    fn padding_may_have_taken_some_of_the_tokens() {
        let taken = Taken::of(&summary(100, [5_000, 700], Some([1_000, 10])), "m").unwrap();
        let (input, output) = taken.scaled(100, 100_000);
        near(input, 3_600.0, 5_500.0);
        near(output, 621.0, 770.0);
    }

    #[test]
    fn nothing_follows_from_a_drop_without_answers() {
        for (succeeded, tokens) in [(0, [5_000, 700]), (100, [0, 0])] {
            assert!(matches!(Taken::of(&summary(succeeded, tokens, None), "m"), Err(LikeError::NoTokens)));
        }
    }
}
