//! What an estimate is made with: the model, the prices, and maybe an earlier drop.

use std::path::Path;

use crate::aws::clock::now;
use crate::base::text;
use crate::cli::error::CliError;
use crate::estimate::like::{Taken, model_of};
use crate::estimate::price::{ModelPrice, OLD_AFTER_DAYS, Prices};
use crate::estimate::tokens::Model;
use crate::job::summary::Summary;
use crate::model::family::Family;

/// Reads the prices that `--prices` names, or those that are shipped.
pub(crate) fn read_prices(path: Option<&Path>) -> Result<Prices, CliError> {
    let (path, prices) = match path {
        None => (Path::new("shipped"), Prices::shipped()),
        Some(path) => (path, Prices::parse(&read("prices", path)?)),
    };
    prices.map_err(|error| wrong("prices", path, error.to_string()))
}

/// Reads the file that an option names.
fn read(option: &'static str, path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| wrong(option, path, error.to_string()))
}

fn wrong(option: &'static str, path: &Path, reason: String) -> CliError {
    CliError::OptionFile(option, path.display().to_string(), reason)
}

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
        let prices = read_prices(prices)?;
        let mut model_id = model_id.map(str::to_owned);
        let mut taken = None;
        if let Some(path) = like {
            let summary: Summary = serde_json::from_slice(&read("like", path)?)
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

    /// Says what the price does not say about the model and the Region that the user named.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let Some(model_id) = self.model_id.as_deref() else {
            return vec!["--model-id narrows the range and adds the cost".to_owned()];
        };
        let price = self.price();
        let is_unknown = Family::of(model_id).is_none();
        match (is_unknown, price) {
            (true, None) => notes.push(format!(
                "nothing is known about the model {}: neither what it refuses nor its price; give prices with --prices",
                text::name(model_id)
            )),
            (false, None) => notes.push("there is no price for this model; give prices with --prices".to_owned()),
            (true, Some(_)) => notes.push("it is not known what this model refuses".to_owned()),
            (false, Some(_)) => {}
        }
        let similar = if price.is_none() { self.prices.similar(model_id) } else { Vec::new() };
        if !similar.is_empty() {
            notes.push(format!("known ids that are like it start with {}", similar.join(", ")));
        }
        if let (Some(price), Some(region)) = (price, &self.region)
            && price.region != *region
        {
            notes.push(format!(
                "there is no price for {}: the cost is that of {}; give prices with --prices",
                text::name(region),
                price.region
            ));
        }
        notes
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
