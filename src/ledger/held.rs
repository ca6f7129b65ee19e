//! A drop that is held: it is in order, but a budget or its content keeps it from being submitted. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::base::usd::Usd;
use crate::drop::identity::DropId;
use crate::drop::limits::{Cost, Limits};
use crate::drop::plan::Plan;
use crate::drop::repairs::Repairs;
use crate::drop::settings::Settings;

/// What is known of a drop that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Since when.
    pub since: Timestamp,
    /// The settings that all its jobs use.
    pub settings: Settings,
    /// How the drop was repaired; `None` if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repairs: Option<Box<Repairs>>,
    /// What it is estimated to cost.
    pub cost: Cost,
    /// Why it is held; empty as long as nothing has objected to it.
    pub reasons: Vec<Reason>,
    /// When an operator approved it; `None` if none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Timestamp>,
    /// The last day in whose budgets something may be reserved for it, such as `2026-11-23`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// How often what was reserved for it has been given back. What is reserved names this number, and only what names the one
    /// in this entry counts. So an invocation that gives something back never takes it from one that has reserved it anew.
    #[serde(default)]
    pub turn: u32,
    /// The parts, or where they are.
    #[serde(flatten)]
    pub plan: Plan,
}

/// Why a drop is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name")]
pub enum Reason {
    /// There is a budget, and nobody can say what the drop costs.
    CostUnknown,
    /// It may cost more than a drop may cost.
    DropBudget {
        /// What a drop may cost.
        max_usd: Usd,
    },
    /// It may cost more than is left of a budget today.
    DayBudget {
        /// The prefix of the route whose budget it is; `None` for that of the stack.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<String>,
        /// What the drops of a day may cost.
        max_usd: Usd,
    },
    /// An earlier drop has this key and content, too.
    Duplicate {
        /// The earlier drop.
        of: DropId,
        /// When that was put.
        put: Timestamp,
    },
}

impl Held {
    /// Returns what objects to the drop, whatever else is submitted today.
    #[must_use]
    pub fn objections(&self, limits: &Limits) -> Vec<Reason> {
        let over_budget = match (self.cost.max_usd, limits.max_drop_usd) {
            (None, _) if limits.have_a_budget() => Some(Reason::CostUnknown),
            (Some(cost), Some(max_usd)) if cost > max_usd => Some(Reason::DropBudget { max_usd }),
            _ => None,
        };
        over_budget.into_iter().collect()
    }

    /// Returns the budgets of a day that apply, each with the prefix of its route: that of the route first, because it has the
    /// fewest drops.
    #[must_use]
    pub fn day_budgets(&self, limits: &Limits) -> Vec<(Option<String>, Usd)> {
        let of_route = limits.max_route_usd_per_day.map(|budget| (self.settings.route.clone(), budget));
        let of_stack = limits.max_usd_per_day.map(|budget| (None, budget));
        of_route.into_iter().chain(of_stack).collect()
    }

    /// Returns whether the drop may go on without an operator: only the budgets of this day are too small.
    #[must_use]
    pub fn may_go_on_by_itself(&self) -> bool {
        self.reasons.iter().all(|reason| match reason {
            Reason::DayBudget { max_usd, .. } => self.cost.max_usd.is_some_and(|cost| cost <= *max_usd),
            Reason::CostUnknown | Reason::DropBudget { .. } | Reason::Duplicate { .. } => false,
        })
    }
}

/// Says why, and what the drop costs, in sentences.
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { max_usd, how } = &self.cost;
        let clauses: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        write!(f, "The drop is held: {}.", clauses.join("; "))?;
        match max_usd {
            Some(max_usd) => write!(f, " It costs at most {max_usd} US dollars: {how}."),
            None if self.reasons.contains(&Reason::CostUnknown) => write!(f, " {how}."),
            None => Ok(()),
        }
    }
}

/// Says why, as a clause.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CostUnknown => write!(f, "there is a budget, and nobody can say what it costs"),
            Self::DropBudget { max_usd } => {
                write!(f, "it may cost more than a drop may, which is {max_usd} US dollars")
            }
            Self::DayBudget { route: None, max_usd } => {
                write!(f, "it may cost more than is left today of the stack's {max_usd} US dollars per day")
            }
            Self::DayBudget { route: Some(prefix), max_usd } => write!(
                f,
                "it may cost more than is left today of the {max_usd} US dollars per day of the route {prefix}"
            ),
            Self::Duplicate { of, put } => write!(f, "the same file was dropped at {put}, as drop {of}"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::drop::limits::DuplicateDrops;

    fn usd(text: &str) -> Usd {
        Usd::parse(text).unwrap()
    }

    /// A drop that is held for these reasons, and costs this much at most.
    pub(crate) fn held(max_usd: Option<&str>, reasons: Vec<Reason>) -> Held {
        Held {
            since: Timestamp::from_secs(2),
            settings: Settings { route: Some("a/".into()), ..Settings::example() },
            repairs: None,
            cost: Cost { max_usd: max_usd.map(usd), how: "that is so".into() },
            reasons,
            approved: None,
            day: None,
            turn: 0,
            plan: Plan::Paged { plan_id: "p".into(), pages: 2, records: 150 },
        }
    }

    #[test]
    fn drop_that_costs_more_than_a_drop_may_is_objected_to() {
        let limits = Limits { max_drop_usd: Some(usd("5")), ..Limits::default() };
        let per_day = Limits { max_usd_per_day: Some(usd("5")), ..Limits::default() };
        let of_route = Limits { max_route_usd_per_day: Some(usd("5")), ..Limits::default() };
        let hold = Limits { duplicate_drops: DuplicateDrops::Hold, ..Limits::default() };
        let objections = |cost: Option<&str>, limits: &Limits| held(cost, vec![]).objections(limits);
        assert_eq!(objections(Some("5.000001"), &limits), [Reason::DropBudget { max_usd: usd("5") }]);
        assert_eq!(objections(Some("5"), &limits), []);
        // That is for the day to say.
        assert_eq!(objections(Some("6"), &per_day), []);
        for limits in [limits, per_day, of_route] {
            assert_eq!(objections(None, &limits), [Reason::CostUnknown]);
        }
        for limits in [hold, Limits::default()] {
            assert_eq!((objections(None, &limits), objections(Some("6"), &limits)), (vec![], vec![]));
        }
        let both = Limits { max_route_usd_per_day: Some(usd("4")), ..per_day };
        let budgets = held(None, vec![]).day_budgets(&both);
        assert_eq!(budgets, [(Some("a/".to_owned()), usd("4")), (None, usd("5"))]);
        assert_eq!(held(None, vec![]).day_budgets(&limits), []);
    }

    #[test]
    fn only_the_budget_of_a_day_ends_by_itself_and_not_for_a_drop_that_exceeds_it() {
        let put = Timestamp::from_secs(0);
        let of = DropId::parse(&"a".repeat(32)).unwrap();
        let day = |max_usd| Reason::DayBudget { route: None, max_usd: usd(max_usd) };
        let by_itself = |reasons| held(Some("5"), reasons).may_go_on_by_itself();
        assert!(by_itself(vec![day("5")]));
        assert!(!by_itself(vec![day("4")]));
        assert!(!by_itself(vec![day("5"), Reason::Duplicate { of: of.clone(), put }]));
        assert!(!by_itself(vec![Reason::CostUnknown]));
        assert!(!by_itself(vec![Reason::DropBudget { max_usd: usd("4") }]));
        let route = Reason::DayBudget { route: Some("a/".into()), max_usd: usd("6") };
        let told = held(Some("5"), vec![route, Reason::Duplicate { of, put }]).to_string();
        assert_eq!(
            told,
            "The drop is held: it may cost more than is left today of the 6.00 US dollars per day of the route a/; the same \
             file was dropped at 1970-01-01T00:00:00Z, as drop aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa. It costs at most 5.00 US \
             dollars: that is so."
        );
        let told = held(None, vec![Reason::CostUnknown]).to_string();
        assert_eq!(
            told,
            "The drop is held: there is a budget, and nobody can say what it costs. that is so."
        );
    }
}
