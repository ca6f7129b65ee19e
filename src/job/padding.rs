//! The padding of a job: how many records it has, what they ask for, and what that costs at most. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::drop::identity::JobId;
use crate::drop::padding::{EMPTY_BODY, SmallDrops, body_of, padding_line_bytes, push_padding_line};
use crate::drop::plan::Part;
use crate::drop::settings::Settings;
use crate::record::padding::{KnownBody, known_body, own_body_tokens, price};

/// Which body the padding of a job has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaddingBody {
    /// The shortest one that the model's family accepts.
    Known(KnownBody),
    /// That of the job's own shortest record, because the family, or its shortest body, is not known.
    OwnRecord,
}

impl PaddingBody {
    /// Returns the body for a model.
    #[must_use]
    pub fn of(model_id: &str, model_invocation_type: &str) -> Self {
        known_body(model_id, model_invocation_type).map_or(Self::OwnRecord, Self::Known)
    }

    /// Returns how many bytes the body is sure to fit into.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Known(known) => known.json.len() as u64,
            // A record that is too large to be repeated is replaced by an empty body.
            Self::OwnRecord => EMPTY_BODY.len() as u64,
        }
    }
}

/// Returns how many bytes a padding record has at most in the jobs of a drop with these settings; `None` if small jobs
/// are not filled up.
#[must_use]
pub fn padding_room(settings: &Settings) -> Option<u64> {
    let body = PaddingBody::of(&settings.model_id, &settings.model_invocation_type);
    let line_bytes = padding_line_bytes(settings.quotas.min_records, body.bytes());
    (settings.small_drops == SmallDrops::Pad).then_some(line_bytes)
}

/// Returns how many padding records a job over this number of records gets.
#[must_use]
pub fn padding_records(settings: &Settings, records: u64) -> u64 {
    match settings.small_drops {
        SmallDrops::Pad => settings.quotas.min_records.saturating_sub(records),
        SmallDrops::Reject => 0,
    }
}

/// Makes the padding of a job's input: it sees every line that is written, and then gives the lines to add.
#[derive(Debug)]
pub struct Padder<'a> {
    job_id: &'a JobId,
    records: u64,
    body: PaddingBody,
    max_file_bytes: u64,
    /// How many bytes the lines so far have.
    bytes: u64,
    /// The shortest line so far, if it is needed.
    shortest: Option<Vec<u8>>,
}

impl<'a> Padder<'a> {
    /// Makes the padder of a job that gets `records` padding records, and whose input may have `max_file_bytes` bytes.
    #[must_use]
    pub fn new(job_id: &'a JobId, records: u64, body: PaddingBody, max_file_bytes: u64) -> Self {
        Self { job_id, records, body, max_file_bytes, bytes: 0, shortest: None }
    }

    /// Makes the padder of a part's job with these settings; `None` if the job gets no padding.
    #[must_use]
    pub fn of(settings: &Settings, part: &'a Part) -> Option<Self> {
        let Settings { model_id, model_invocation_type, quotas, .. } = settings;
        let records = padding_records(settings, part.records);
        let body = || PaddingBody::of(model_id, model_invocation_type);
        (records > 0).then(|| Self::new(&part.job_id, records, body(), quotas.max_file_bytes))
    }

    /// Takes note of a line of the input, with its `\n`.
    pub fn see(&mut self, line: &[u8]) {
        self.bytes += line.len() as u64;
        let is_shortest = self.shortest.as_ref().is_none_or(|shortest| line.len() < shortest.len());
        if matches!(self.body, PaddingBody::OwnRecord) && is_shortest {
            self.shortest = Some(line.to_owned());
        }
    }

    /// Returns the JSON object that the padding records have as their body.
    fn json(&self) -> &str {
        match &self.body {
            PaddingBody::Known(known) => known.json,
            PaddingBody::OwnRecord => {
                let json = self.shortest.as_deref().and_then(body_of).unwrap_or(EMPTY_BODY);
                let bytes = self.records.saturating_mul(padding_line_bytes(self.records, json.len() as u64));
                if self.bytes.saturating_add(bytes) <= self.max_file_bytes { json } else { EMPTY_BODY }
            }
        }
    }

    /// Ends the lines of records. Returns a description of the padding for the ledger, and its lines one by one.
    pub fn finish(&self) -> (Padding, impl Iterator<Item = Vec<u8>>) {
        let json = self.json();
        let lines = (1..=self.records).map(move |number| {
            let mut line = Vec::new();
            push_padding_line(self.job_id, number, json, &mut line);
            line
        });
        (Padding::new(self.records, &self.body, json), lines)
    }
}

/// The padding of a job, as the ledger records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Padding {
    /// How many of the input's records are padding.
    pub records: u64,
    /// What they ask for: the family whose shortest body they have, or `shortest record`, or `empty body`.
    pub body: String,
    /// How many input tokens all of them have, at most.
    pub max_input_tokens: u64,
    /// How many output tokens all of them have, at most. `None` if they repeat a record, which sets its own limit.
    pub max_output_tokens: Option<u64>,
}

impl Padding {
    /// Describes the padding that a job's input has got.
    fn new(records: u64, body: &PaddingBody, json: &str) -> Self {
        let (body, input_tokens, output_tokens) = match body {
            PaddingBody::Known(known) => {
                (known.family, known.max_input_tokens(), Some(known.max_output_tokens))
            }
            PaddingBody::OwnRecord if json == EMPTY_BODY => ("empty body", 0, Some(0)),
            PaddingBody::OwnRecord => ("shortest record", own_body_tokens(json), None),
        };
        Self {
            records,
            body: body.to_owned(),
            max_input_tokens: records * input_tokens,
            max_output_tokens: output_tokens.map(|tokens| records * tokens),
        }
    }

    /// Returns the cost of the padding for a model, in millionths of a US dollar, rounded up, and where its price is
    /// from. `None` if the price or the number of tokens is not known.
    #[must_use]
    pub fn max_cost(&self, model_id: &str) -> Option<(u64, &'static str)> {
        let (price, output_tokens) = (price(model_id)?, self.max_output_tokens?);
        let nano_usd = self.max_input_tokens * price.input_nano_usd + output_tokens * price.output_nano_usd;
        Some((nano_usd.div_ceil(1_000), price.source))
    }
}

/// What a drop's summary says about the padding in its jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PaddingSummary {
    /// How many padding records all jobs had. They are in no result, and not part of the drop's records.
    pub records: u64,
    /// What they asked for: the families whose shortest bodies they had, or `shortest record`, or `empty body`.
    pub bodies: BTreeSet<String>,
    /// How many input tokens all of them had, at most.
    pub max_input_tokens: u64,
    /// How many output tokens all of them had, at most. `None` if they repeated a record, which sets its own limit.
    pub max_output_tokens: Option<u64>,
    /// What they cost at most, in US dollars, as a decimal number; `None` if that is not known.
    pub max_cost_usd: Option<String>,
    /// Where the prices are from, and of when.
    pub prices: BTreeSet<String>,
}

/// Sums up the padding in a drop's jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PaddingSum {
    records: u64,
    bodies: BTreeSet<String>,
    input_tokens: u64,
    output_tokens: Option<u64>,
    micro_usd: Option<u64>,
    prices: BTreeSet<String>,
}

impl PaddingSum {
    /// Adds the padding of a job that this model ran.
    pub(super) fn add(&mut self, padding: &Padding, model_id: &str) {
        let is_first = self.records == 0;
        let add = |sum: Option<u64>, more: Option<u64>| if is_first { more } else { Some(sum? + more?) };
        let cost = padding.max_cost(model_id);
        self.output_tokens = add(self.output_tokens, padding.max_output_tokens);
        self.micro_usd = add(self.micro_usd, cost.map(|(micro_usd, _)| micro_usd));
        self.prices.extend(cost.map(|(_, source)| source.to_owned()));
        self.records += padding.records;
        self.bodies.insert(padding.body.clone());
        self.input_tokens += padding.max_input_tokens;
    }

    /// Returns the sum; `None` if no job had padding.
    pub(super) fn summary(self) -> Option<PaddingSummary> {
        let usd = |micro_usd| format!("{}.{:06}", micro_usd / 1_000_000, micro_usd % 1_000_000);
        (self.records > 0).then(|| PaddingSummary {
            records: self.records,
            bodies: self.bodies,
            max_input_tokens: self.input_tokens,
            max_output_tokens: self.output_tokens,
            max_cost_usd: self.micro_usd.map(usd),
            prices: if self.micro_usd.is_some() { self.prices } else { BTreeSet::new() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::example::part;

    const NOVA: &str = "amazon.nova-lite-v1:0";
    const OPAQUE: &str = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl";

    fn job_id() -> JobId {
        JobId::parse("0123456789abcdef0123456789abcdef").unwrap()
    }

    /// The padding of a job with these bodies, and its lines.
    fn padded(model_id: &str, records: u64, max_file_bytes: u64, bodies: &[&str]) -> (Padding, Vec<String>) {
        let (job_id, body) = (job_id(), PaddingBody::of(model_id, "InvokeModel"));
        let mut padder = Padder::new(&job_id, records, body, max_file_bytes);
        for body in bodies {
            padder.see(format!("{{\"recordId\":\"a\",\"modelInput\":{body}}}\n").as_bytes());
        }
        let (padding, lines) = padder.finish();
        (padding, lines.map(|line| String::from_utf8(line).unwrap()).collect())
    }

    fn padding(model_id: &str, records: u64, own: &str) -> Padding {
        padded(model_id, records, u64::MAX, &[own]).0
    }

    fn settings(model_id: &str, small_drops: SmallDrops) -> Settings {
        Settings { model_id: model_id.into(), small_drops, ..Settings::example() }
    }

    #[test]
    fn only_a_part_below_the_minimum_is_padded_and_only_if_wanted() {
        let (pad, reject) = (settings(NOVA, SmallDrops::Pad), settings(NOVA, SmallDrops::Reject));
        let records = |settings: &Settings, records| {
            let part = Part { records, ..part() };
            Padder::of(settings, &part).map(|padder| padder.finish().0.records)
        };
        assert_eq!([1, 99, 100, 101].map(|count| records(&pad, count)), [Some(99), Some(1), None, None]);
        assert_eq!([1, 99, 100, 101].map(|count| records(&reject, count)), [None; 4]);
    }

    #[test]
    fn room_for_padding_is_that_of_its_longest_line() {
        assert_eq!(padding_room(&settings(NOVA, SmallDrops::Reject)), None);
        for model_id in [NOVA, OPAQUE] {
            let room = padding_room(&settings(model_id, SmallDrops::Pad)).unwrap();
            // The own record of the job is too large, so its padding has an empty body.
            let (_, lines) = padded(model_id, 100, 0, &[r#"{"a":1}"#]);
            assert_eq!(lines.iter().map(String::len).max().unwrap() as u64, room, "{model_id}");
        }
    }

    #[test]
    fn lines_have_a_body_of_the_family_or_of_the_shortest_record() {
        let bodies = [r#"{"a":100}"#, r#"{"a":1}"#, r#"{"a":2}"#];
        let (known, lines) = padded(NOVA, 2, 0, &bodies);
        assert_eq!((known.records, known.body.as_str()), (2, "Amazon Nova"));
        assert!(
            lines[1].starts_with(
                r#"{"recordId":"0123456789abcdef0123456789abcdef-padding-2","modelInput":{"mes"#
            )
        );
        let (own, lines) = padded(OPAQUE, 2, u64::MAX, &bodies);
        assert_eq!((own.body.as_str(), lines.len()), ("shortest record", 2));
        assert!(lines.iter().all(|line| line.ends_with(
            r#","modelInput":{"a":1}}
"#
        )));
    }

    #[test]
    fn own_record_is_repeated_only_while_the_file_has_room() {
        let body = r#"{"a":1}"#;
        let file_bytes: u64 = r#"{"recordId":"a","modelInput":{"a":1}}"#.len() as u64 + 1;
        let room = 99 * padding_line_bytes(99, body.len() as u64);
        let (own, _) = padded(OPAQUE, 99, file_bytes + room, &[body]);
        let (empty, lines) = padded(OPAQUE, 99, file_bytes + room - 1, &[body]);
        assert_eq!((own.body.as_str(), empty.body.as_str()), ("shortest record", "empty body"));
        assert_eq!((empty.max_input_tokens, empty.max_output_tokens), (0, Some(0)));
        assert!(lines[98].ends_with("-padding-99\",\"modelInput\":{}}\n"));
    }

    #[test]
    fn cost_is_a_bound_where_the_price_is_known() {
        let nova = padding(NOVA, 99, "{}");
        // 89 bytes of body are at most 89 tokens, at 0.03 dollars a million, and one token at 0.12.
        assert_eq!((nova.max_input_tokens, nova.max_output_tokens), (99 * 89, Some(99)));
        assert_eq!(nova.max_cost(NOVA).unwrap().0, 277);
        let own = padding(OPAQUE, 1, r#"{"prompt":"."}"#);
        assert_eq!((own.body.as_str(), own.max_output_tokens), ("shortest record", None));
        assert_eq!(own.max_cost(OPAQUE), None);
    }

    #[test]
    fn sum_is_a_bound_only_if_all_of_it_is() {
        assert_eq!(PaddingSum::default().summary(), None);
        let mut sum = PaddingSum::default();
        sum.add(&padding(NOVA, 99, "{}"), NOVA);
        sum.add(&padding(NOVA, 97, "{}"), NOVA);
        let known = sum.clone().summary().unwrap();
        assert_eq!(
            (known.records, known.max_input_tokens, known.max_output_tokens),
            (196, 196 * 89, Some(196))
        );
        assert_eq!(known.max_cost_usd.as_deref(), Some("0.000548"));
        assert_eq!((known.bodies.len(), known.prices.len()), (1, 1));
        sum.add(&padding(OPAQUE, 1, r#"{"prompt":"."}"#), OPAQUE);
        sum.add(&padding(NOVA, 1, "{}"), NOVA);
        let unknown = sum.summary().unwrap();
        assert_eq!((unknown.records, unknown.max_output_tokens, unknown.max_cost_usd), (198, None, None));
        assert!(unknown.prices.is_empty());
    }
}
