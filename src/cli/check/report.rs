//! What was found out about a file, and how it is said in JSON.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::input::{Input, ReadError};
use super::judging::Judged;
use super::pricing::Pricing;
use crate::aws::config::Config;
use crate::base::count::Counted;
use crate::cli::fixes::Wording;
use crate::drop::check::{Accepted, Verdict};
use crate::drop::model_door::Refusable;
use crate::drop::plan::Part;
use crate::drop::rejection::{Problem, ProblemPlace};
use crate::drop::repairs::Repairs;
use crate::estimate::of_drop::{Records, with_padding};
use crate::estimate::price::ModelPrice;
use crate::estimate::range::Range;
use crate::estimate::sample::FileTokens;
use crate::estimate::script::float;
use crate::estimate::tokens::ASSUMED_LIMIT;
use crate::model::findings::FindingGroup;

/// What was found out about a file.
#[derive(Debug)]
pub(super) struct Report {
    /// The argument as it was given.
    pub(super) file: String,
    /// The argument as a word of a shell command, if it is a file.
    pub(super) shell_word: Option<String>,
    pub(super) found: Found,
}

/// What was found out.
#[derive(Debug)]
pub(super) enum Found {
    Valid {
        plan: Plan,
        repairs: Box<Repairs>,
        examined: Option<Box<Examined>>,
        estimate: Option<Box<Estimate>>,
    },
    Invalid {
        problems: Vec<Problem>,
        stopped_early: bool,
    },
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

/// What the rules of the model say about the records of a valid file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Examined {
    /// How many records the file has.
    pub(super) records: u64,
    /// How many of them were examined.
    pub(super) examined: u64,
    /// How many of those must fail.
    pub(super) failing: u64,
    /// Why, in the order of the first records.
    pub(super) warnings: Vec<Warning>,
}

/// Something that the model is certain to refuse in some records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Warning {
    pub(super) code: &'static str,
    pub(super) what: String,
    pub(super) fix: String,
    /// How many of the examined records have it.
    pub(super) records: u64,
    /// The lines of the first of them, counted from 1.
    pub(super) first_lines: Vec<u64>,
    /// Names these lines, such as `lines 1, 2, …`.
    pub(super) places: String,
}

impl Examined {
    pub(super) fn new(records: u64, found: Refusable, wording: &Wording) -> Self {
        let Refusable { examined, failing, groups } = found;
        let warning = |group: &FindingGroup| Warning {
            code: group.first.code,
            what: group.first.what.clone(),
            fix: wording.fix(group.first.fix),
            records: group.records,
            first_lines: group.first_lines.clone(),
            places: group.lines(),
        };
        Self { records, examined, failing, warnings: groups.iter().map(warning).collect() }
    }

    /// Whether every record was examined.
    pub(super) fn is_complete(&self) -> bool {
        self.examined == self.records
    }
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
        input: &Input,
        wording: &Wording,
        judged: Result<Judged, ReadError>,
    ) -> Self {
        let found = match judged {
            Err(error) => Found::Unreadable(error),
            Ok(Judged { verdict: Verdict::Invalid { mut problems, stopped_early }, .. }) => {
                problems.iter_mut().for_each(|problem| problem.fix = wording.fix(&problem.fix));
                Found::Invalid { problems, stopped_early }
            }
            Ok(Judged { verdict: Verdict::Valid(accepted), bytes, tokens }) => {
                let Accepted { parts, repairs, refusable } = accepted;
                let plan = Plan::new(config, &parts);
                let estimate = Estimate::new(config, pricing, &plan, bytes, tokens).map(Box::new);
                let examined = refusable.map(|found| Box::new(Examined::new(plan.records, found, wording)));
                Found::Valid { plan, repairs: Box::new(repairs), examined, estimate }
            }
        };
        Self { file: input.name(), shell_word: wording.file().map(str::to_owned), found }
    }

    /// Returns the plan and the estimate, if the file is valid.
    pub(super) fn valid(&self) -> Option<(&Plan, Option<&Estimate>)> {
        match &self.found {
            Found::Valid { plan, estimate, .. } => Some((plan, estimate.as_deref())),
            Found::Invalid { .. } | Found::Unreadable(_) => None,
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        matches!(self.found, Found::Valid { .. })
    }

    /// Returns it as a JSON object on one line.
    pub(super) fn json(&self) -> String {
        let said = match &self.found {
            Found::Valid { plan, repairs, examined, estimate } => Said {
                verdict: "valid",
                repairs: Some(repairs),
                model: examined.as_deref().map(ExaminedSaid::from),
                plan: Some(plan.into()),
                estimate: estimate.as_deref().map(EstimateSaid::from),
                ..Said::new(&self.file)
            },
            Found::Invalid { problems, stopped_early } => Said {
                verdict: "invalid",
                problems: problems.iter().map(ProblemSaid::from).collect(),
                stopped_early: *stopped_early,
                ..Said::new(&self.file)
            },
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
        let Records { own, padding } = Records::of_jobs(&config.settings(), of_parts());
        Self {
            records: own,
            jobs: parts.len(),
            records_per_job: of_parts().min().unwrap_or(0)..=of_parts().max().unwrap_or(0),
            padding,
        }
    }
}

impl Estimate {
    fn new(
        config: &Config,
        pricing: &Pricing,
        plan: &Plan,
        bytes: u64,
        tokens: Option<FileTokens>,
    ) -> Option<Self> {
        let mut notes = Vec::new();
        let (mut input, mut output) = if let Some(taken) = pricing.taken {
            taken.scaled(plan.records, bytes)
        } else {
            let tokens = tokens?;
            notes.extend(notes_on(pricing, &tokens));
            (tokens.input, tokens.output)
        };
        if plan.padding > 0 {
            let of_all = Records { own: plan.records, padding: plan.padding };
            let model = pricing.model_id.is_some().then(|| pricing.model());
            (input, output) = with_padding(&config.settings(), model.as_ref(), of_all, (input, output));
            let records = Counted(plan.padding, "padding record");
            notes.push(format!("the estimate includes {records}, which Bedrock bills"));
        }
        notes.extend(pricing.notes());
        let price = pricing.price().cloned();
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

/// A report as JSON, as docs/cost.md describes it.
#[derive(Debug, Serialize)]
struct Said<'a> {
    version: u32,
    file: &'a str,
    verdict: &'static str,
    #[serde(flatten)]
    plan: Option<PlanSaid>,
    repairs: Option<&'a Repairs>,
    model: Option<ExaminedSaid<'a>>,
    problems: Vec<ProblemSaid<'a>>,
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
            problems: Vec::new(),
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

/// A kind of problem. All kinds have all members; those of lines are null or empty if the problem is one of the file.
#[derive(Debug, Serialize)]
struct ProblemSaid<'a> {
    code: &'a str,
    what: &'a str,
    fix: &'a str,
    lines: Option<u64>,
    line: Option<u64>,
    byte: Option<u64>,
    places: Vec<PlaceSaid<'a>>,
}

#[derive(Debug, Serialize)]
struct PlaceSaid<'a> {
    line: u64,
    byte: u64,
    detail: Option<&'a str>,
    excerpt: &'a str,
    caret: usize,
}

impl<'a> From<&'a Problem> for ProblemSaid<'a> {
    fn from(problem: &'a Problem) -> Self {
        let place = |place: &'a ProblemPlace| PlaceSaid {
            line: place.line,
            byte: place.byte,
            detail: place.detail.as_deref(),
            excerpt: &place.excerpt,
            caret: place.caret,
        };
        Self {
            code: problem.code.as_str(),
            what: &problem.what,
            fix: &problem.fix,
            lines: problem.line.map(|_| problem.lines.max(1)),
            line: problem.line,
            byte: problem.byte,
            places: problem.places.iter().map(place).collect(),
        }
    }
}

/// What the rules of the model say.
#[derive(Debug, Serialize)]
struct ExaminedSaid<'a> {
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

impl<'a> From<&'a Examined> for ExaminedSaid<'a> {
    fn from(found: &'a Examined) -> Self {
        let said = |warning: &'a Warning| FindingSaid {
            code: warning.code,
            what: &warning.what,
            fix: &warning.fix,
            records: warning.records,
            first_lines: &warning.first_lines,
        };
        let Examined { examined, failing, warnings, .. } = found;
        Self { examined: *examined, failing: *failing, findings: warnings.iter().map(said).collect() }
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
        let usd = |cost: Range| {
            let (least, most) = cost.in_millionths();
            Ends { least: float(least) / 1e6, most: float(most) / 1e6 }
        };
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
