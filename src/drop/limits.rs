//! What a drop may cost, and whether the same file may be dropped twice. Pure.
//!
//! These settings are not pinned: those in force when a drop is released count. So an administrator who raises a budget
//! releases the drops that wait for it.

use serde::{Deserialize, Serialize};

use crate::base::usd::Usd;

/// What happens to a drop that has the key and the content of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DuplicateDrops {
    /// It runs like any other.
    #[default]
    Accept,
    /// It is held until an operator approves it.
    Hold,
}

impl DuplicateDrops {
    /// Reads the setting `DUPLICATE_DROPS`; `None` if it is anything else.
    #[must_use]
    pub fn parse(setting: &str) -> Option<Self> {
        match setting {
            "accept" => Some(Self::Accept),
            "hold" => Some(Self::Hold),
            _ => None,
        }
    }
}

/// What holds a drop back. Without a budget, a drop may cost any amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// What a drop may cost, at most.
    pub max_drop_usd: Option<Usd>,
    /// What all drops of the stack may cost on one day in UTC.
    pub max_usd_per_day: Option<Usd>,
    /// What the drops of the drop's route may cost on one day, besides.
    pub max_route_usd_per_day: Option<Usd>,
    /// What happens to a file that is dropped twice.
    pub duplicate_drops: DuplicateDrops,
}

impl Limits {
    /// Returns whether any drop may be held.
    #[must_use]
    pub fn hold_anything(&self) -> bool {
        self.have_a_budget() || self.duplicate_drops == DuplicateDrops::Hold
    }

    /// Returns whether the cost of a drop matters.
    #[must_use]
    pub fn have_a_budget(&self) -> bool {
        self.max_drop_usd.is_some() || self.have_a_day()
    }

    /// Returns whether the costs of the drops of a day matter.
    #[must_use]
    pub fn have_a_day(&self) -> bool {
        self.max_usd_per_day.is_some() || self.max_route_usd_per_day.is_some()
    }
}

/// What a drop is estimated to cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The most that its first jobs cost, with their padding; `None` if nobody can say.
    pub max_usd: Option<Usd>,
    /// How that came about, or why nobody can say, as a clause.
    pub how: String,
}
