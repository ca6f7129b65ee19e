//! What was found out about a file, and how it is said in JSON.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::input::ReadError;
use super::judging::Judged;
use super::pricing::Pricing;
use crate::aws::config::Config;
use crate::drop::check::{Accepted, Verdict};
use crate::drop::model_door::Refusable;
use crate::drop::padding::SmallDrops;
use crate::drop::plan::Part;
use crate::drop::rejection::Problem;
use crate::drop::repairs::Repairs;
use crate::estimate::price::ModelPrice;
use crate::estimate::range::Range;
use crate::estimate::sample::FileTokens;
use crate::estimate::tokens::ASSUMED_LIMIT;
use crate::model::findings::FindingGroup;

/// What was found out about a file.
#[derive(Debug)]
pub(super) struct Report {
    /// The argument as it was given.
    pub(super) file: String,
    pub(super) found: Found,
}

/// What was found out.
#[derive(Debug)]
pub(super) enum Found {
    Valid { plan: Plan, repairs: Box<Repairs>, refusable: Option<Refusable>, estimate: Option<Box<Estimate>> },
    Invalid { problems: Vec<Problem>, stopped_early: bool },
    Unreadable(ReadError),
}

/// The jobs of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) records: u64,
    pub(super) jobs: usize,
    /// How many records of the file a job has.
    pub(super) records_per_job: RangeInclusive<u64>,
    /// How many padding records all jobs have.
    pub(super) padding: u64,
}

/// What a file will take.
#[derive(Debug)]
pub(super) struct Estimate {
    pub(super) model_id: Option<String>,
    pub(super) input: Range,
    pub(super) output: Range,
    pub(super) price: Option<ModelPrice>,
    /// What the estimate does not know, in sentences.
    pub(super) notes: Vec<String>,
}

impl Report {
    pub(super) fn new(
        config: &Config,
        pricing: &Pricing,
        file: String,
        judged: Result<Judged, ReadError>,
    ) -> Self {
        let found = match judged {
            Err(error) => Found::Unreadable(error),
            Ok(Judged { verdict: Verdict::Invalid { problems, stopped_early }, .. }) => {
                Found::Invalid { problems, stopped_early }
            }
            Ok(Judged { verdict: Verdict::Valid(accepted), bytes, tokens }) => {
                let Accepted { parts, repairs, refusable } = accepted;
                let plan = Plan::new(config, &parts);
                let estimate = Estimate::new(pricing, plan.records, bytes, tokens);
                Found::Valid { plan, repairs: Box::new(repairs), refusable, estimate: estimate.map(Box::new) }
            }
        };
        Self { file, found }
    }

    pub(super) fn is_valid(&self) -> bool {
        matches!(self.found, Found::Valid { .. })
    }

    /// Returns it as a JSON object on one line.
    pub(super) fn json(&self) -> String {
        let said = match &self.found {
            Found::Valid { plan, repairs, refusable, estimate } => Said {
                verdict: "valid",
                repairs: Some(repairs),
                model: refusable.as_ref().map(RefusableSaid::from),
                plan: Some(plan.into()),
                estimate: estimate.as_deref().map(EstimateSaid::from),
                ..Said::new(&self.file)
            },
            Found::Invalid { problems, stopped_early } => {
                Said { verdict: "invalid", problems, stopped_early: *stopped_early, ..Said::new(&self.file) }
            }
            Found::Unreadable(error) => {
                Said { verdict: "unreadable", error: Some(error.to_string()), ..Said::new(&self.file) }
            }
        };
        // A struct of strings and numbers can always be written.
        serde_json::to_string(&said).unwrap_or_default()
    }
}

impl Plan {
    fn new(config: &Config, parts: &[Part]) -> Self {
        let of_parts = || parts.iter().map(|part| part.records);
        let settings = config.settings();
        let padding_of = |records| match settings.small_drops {
            SmallDrops::Pad => settings.quotas.min_records.saturating_sub(records),
            SmallDrops::Reject => 0,
        };
        Self {
            records: of_parts().sum(),
            jobs: parts.len(),
            records_per_job: of_parts().min().unwrap_or(0)..=of_parts().max().unwrap_or(0),
            padding: of_parts().map(padding_of).sum(),
        }
    }
}

impl Estimate {
    fn new(pricing: &Pricing, records: u64, bytes: u64, tokens: Option<FileTokens>) -> Option<Self> {
        let price = pricing.price().cloned();
        let mut notes = Vec::new();
        let (input, output) = if let Some(taken) = pricing.taken {
            taken.scaled(records, bytes)
        } else {
            let tokens = tokens?;
            notes.extend(notes_on(pricing, &tokens));
            (tokens.input, tokens.output)
        };
        match (&pricing.model_id, &price) {
            (None, _) => notes.push("--model-id narrows the range and adds the cost".into()),
            (Some(_), None) => {
                notes.push("there is no price for this model; give prices with --prices".into());
            }
            (Some(_), Some(_)) => {}
        }
        Some(Self { model_id: pricing.model_id.clone(), input, output, price, notes })
    }

    /// Returns the cost in batch inference and on demand, in US dollars, if the price is known.
    pub(super) fn costs(&self) -> Option<(Range, Range)> {
        let price = self.price.as_ref()?;
        Some((price.batch.cost(self.input, self.output), price.on_demand.cost(self.input, self.output)))
    }
}

fn notes_on(pricing: &Pricing, tokens: &FileTokens) -> Vec<String> {
    let mut notes = Vec::new();
    if pricing.model_id.is_some() && !pricing.model().is_known() {
        notes.push("the model's tokenizer is not published, so the range covers several others".into());
    }
    if tokens.unlimited > 0.0 && tokens.output.most > 0.0 {
        notes.push(format!(
            "some records set no limit of output tokens; where the model's default is not known, {ASSUMED_LIMIT} are assumed"
        ));
    }
    if tokens.has_images {
        notes.push(
            "some records have images: their tokens depend on the size in pixels, which is not looked at"
                .into(),
        );
    }
    if tokens.has_other_media {
        notes.push(
            "some records have documents, video, audio, or files in S3, whose tokens are not counted".into(),
        );
    }
    notes
}

/// A report as JSON. docs/cost.md describes the estimate.
#[derive(Debug, Serialize)]
struct Said<'a> {
    version: u32,
    file: &'a str,
    verdict: &'static str,
    #[serde(flatten)]
    plan: Option<PlanSaid>,
    repairs: Option<&'a Repairs>,
    model: Option<RefusableSaid<'a>>,
    problems: &'a [Problem],
    stopped_early: bool,
    error: Option<String>,
    estimate: Option<EstimateSaid<'a>>,
}

impl<'a> Said<'a> {
    fn new(file: &'a str) -> Self {
        Self {
            version: 1,
            file,
            verdict: "",
            plan: None,
            repairs: None,
            model: None,
            problems: &[],
            stopped_early: false,
            error: None,
            estimate: None,
        }
    }
}

#[derive(Debug, Serialize)]
struct PlanSaid {
    records: u64,
    jobs: usize,
    records_per_job: Ends<u64>,
    padding_records: u64,
}

impl From<&Plan> for PlanSaid {
    fn from(plan: &Plan) -> Self {
        let (least, most) = (*plan.records_per_job.start(), *plan.records_per_job.end());
        Self {
            records: plan.records,
            jobs: plan.jobs,
            records_per_job: Ends { least, most },
            padding_records: plan.padding,
        }
    }
}

/// Records that are certain to fail at the model.
#[derive(Debug, Serialize)]
struct RefusableSaid<'a> {
    examined: u64,
    failing: u64,
    findings: Vec<FindingSaid<'a>>,
}

#[derive(Debug, Serialize)]
struct FindingSaid<'a> {
    code: &'a str,
    what: &'a str,
    fix: &'a str,
    records: u64,
    first_lines: &'a [u64],
}

impl<'a> From<&'a Refusable> for RefusableSaid<'a> {
    fn from(refusable: &'a Refusable) -> Self {
        let said = |group: &'a FindingGroup| FindingSaid {
            code: group.first.code,
            what: &group.first.what,
            fix: group.first.fix,
            records: group.records,
            first_lines: &group.first_lines,
        };
        let Refusable { examined, failing, groups } = refusable;
        Self { examined: *examined, failing: *failing, findings: groups.iter().map(said).collect() }
    }
}

#[derive(Debug, Serialize)]
struct EstimateSaid<'a> {
    model_id: Option<&'a str>,
    input_tokens: Ends<u64>,
    output_tokens: Ends<u64>,
    batch_usd: Option<Ends<f64>>,
    on_demand_usd: Option<Ends<f64>>,
    price: Option<&'a ModelPrice>,
    notes: &'a [String],
}

impl<'a> From<&'a Estimate> for EstimateSaid<'a> {
    fn from(estimate: &'a Estimate) -> Self {
        let tokens = |range: Range| {
            let (least, most) = range.rounded();
            Ends { least, most }
        };
        let usd = |Range { least, most }| Ends { least, most };
        let costs = estimate.costs();
        Self {
            model_id: estimate.model_id.as_deref(),
            input_tokens: tokens(estimate.input),
            output_tokens: tokens(estimate.output),
            batch_usd: costs.map(|(batch, _)| usd(batch)),
            on_demand_usd: costs.map(|(_, on_demand)| usd(on_demand)),
            price: estimate.price.as_ref(),
            notes: &estimate.notes,
        }
    }
}

/// A range.
#[derive(Debug, Serialize)]
struct Ends<T> {
    least: T,
    most: T,
}
