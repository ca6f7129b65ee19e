//! Checks files before they are dropped into a stack, with the settings of its functions.

use std::path::{Path, PathBuf};

use super::human;
use super::input::{Input, Sources};
use super::judging::{Look, judge};
use super::pricing::Pricing;
use super::report::Report;
use crate::aws::config::Config;
use crate::cli::error::CliError;
use crate::cli::fixes::Wording;
use crate::cli::output::{Style, print_aside};
use crate::drop::routes::Routes;
use crate::drop::source::EstimatedTokens;
use crate::estimate::range::Range;

/// What files are checked with.
#[derive(Debug)]
pub(crate) struct Checker {
    config: Config,
    routes: Routes,
    prices: Option<PathBuf>,
    region: String,
    /// For the last file.
    pricing: Option<Pricing>,
    every_record: bool,
    sources: Sources,
}

/// What was found out about a file that can be dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Valid {
    pub(crate) records: u64,
    /// What it costs in batch inference, in US dollars, if the price is known.
    pub(crate) usd: Option<Range>,
    /// The tokens that it takes, if they can be estimated.
    pub(crate) tokens: Option<EstimatedTokens>,
}

impl Checker {
    /// Takes the settings and the routes of a stack, and the prices that count in its Region.
    pub(crate) fn new(
        config: Config,
        routes: Routes,
        prices: Option<&Path>,
        region: &str,
        every_record: bool,
    ) -> Self {
        let (prices, region) = (prices.map(Path::to_owned), region.to_owned());
        Self { config, routes, prices, region, pricing: None, every_record, sources: Sources::default() }
    }

    /// Checks a file that gets this key, and prints what was found out on standard error, under this name. Returns `None`
    /// if it cannot be dropped.
    pub(crate) async fn check(
        &mut self,
        file: &Path,
        key: &str,
        name: &Path,
    ) -> Result<Option<Valid>, CliError> {
        let input = Input::File(file.to_owned());
        let config = self.config.with_settings(&self.routes.settings(key, &self.config.settings()));
        let region = Some(self.region.clone());
        let pricing = Pricing::new(Some(&config.model_id), None, self.prices.as_deref(), region)?;
        let look = Look { model: Some(pricing.model()), every_record: self.every_record };
        let judged = judge(&config, &mut self.sources, &input, Some(key), look).await;
        let wording = Wording::of_stack(name);
        let named = Input::File(name.to_owned());
        let report = Report::new(&config, &pricing, &named, &wording, judged);
        human::print_aside_of(&report);
        self.pricing = Some(pricing);
        Ok(report.valid().map(|(plan, estimate)| Valid {
            records: plan.records,
            usd: estimate.and_then(|estimate| estimate.costs()).map(|(batch, _)| batch),
            tokens: estimate.map(|estimate| EstimatedTokens {
                input: estimate.input.outward(),
                output: estimate.output.outward(),
            }),
        }))
    }

    /// Warns if the prices are old.
    pub(crate) fn warn(&self) {
        if let Some(warning) = self.pricing.as_ref().and_then(Pricing::warning) {
            print_aside(&Style::PLAIN.warning(&warning));
        }
    }
}
