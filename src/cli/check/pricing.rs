//! What an estimate is made with: the model, the prices, and maybe an earlier drop.

use std::path::Path;

use crate::aws::clock::now;
use crate::cli::error::{CliError, path_error};
use crate::estimate::like::{Taken, model_of};
use crate::estimate::price::{ModelPrice, OLD_AFTER_DAYS, Prices};
use crate::estimate::tokens::Model;
use crate::job::summary::Summary;

/// What an estimate is made with.
#[derive(Debug)]
pub(super) struct Pricing {
    /// The model, if the user named one, or if the earlier drop had one.
    pub(super) model_id: Option<String>,
    /// What the records of an earlier drop took.
    pub(super) taken: Option<Taken>,
    prices: Prices,
    region: Option<String>,
}

impl Pricing {
    /// Reads the files that the options name.
    pub(super) fn new(
        model_id: Option<&str>,
        like: Option<&Path>,
        prices: Option<&Path>,
        region: Option<String>,
    ) -> Result<Self, CliError> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| path_error(path, error));
        let wrong = |option: &'static str, path: &Path, reason: String| {
            CliError::OptionFile(option, path.display().to_string(), reason)
        };
        let of_file = |path: &Path| {
            Prices::parse(&read(path)?).map_err(|error| wrong("prices", path, error.to_string()))
        };
        let shipped =
            || Prices::shipped().map_err(|error| wrong("prices", Path::new("shipped"), error.to_string()));
        let prices = prices.map_or_else(shipped, of_file)?;
        let mut model_id = model_id.map(str::to_owned);
        let mut taken = None;
        if let Some(path) = like {
            let summary: Summary = serde_json::from_slice(&read(path)?)
                .map_err(|error| wrong("like", path, format!("not a summary.json: {error}")))?;
            model_id = model_id.or_else(|| model_of(&summary).map(str::to_owned));
            let of_model = Taken::of(&summary, model_id.as_deref().unwrap_or_default());
            taken = Some(of_model.map_err(|error| wrong("like", path, error.to_string()))?);
        }
        Ok(Self { model_id, taken, prices, region })
    }

    /// Returns what is known about the model.
    pub(super) fn model(&self) -> Model {
        Model::of(self.model_id.as_deref())
    }

    /// Returns the price of the model.
    pub(super) fn price(&self) -> Option<&ModelPrice> {
        self.prices.of(self.model_id.as_deref()?, self.region.as_deref())
    }

    /// Returns a warning about the prices, if one was used and they are old.
    pub(super) fn warning(&self) -> Option<String> {
        self.price()?;
        let days = self.prices.old(now().into())?;
        Some(format!(
            "warning: the prices are of {}, which is {days} days ago. Prices older than {OLD_AFTER_DAYS} days may have \
             changed: give others with --prices",
            self.prices.date()
        ))
    }
}
