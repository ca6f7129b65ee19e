//! What has to be deleted of a drop that is erased. Pure.

use serde::{Deserialize, Serialize};

use crate::drop::plan::Plan;
use crate::drop::source::DropSource;
use crate::ledger::drop::{DropEntry, DropState};

/// The content of the marker of a drop that is being erased. It says what the drop's entry does not say any more, and is
/// deleted when nothing is left to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The object version that the drop is.
    pub source: DropSource,
    /// The parts of the drop, or where they are; `None` if it was rejected.
    pub plan: Option<Plan>,
}

impl Erasure {
    /// Returns what has to be deleted of a drop; `None` if it is not over, or is erased already.
    #[must_use]
    pub fn of(drop: &DropEntry) -> Option<Self> {
        let plan = match &drop.state {
            DropState::Finished { plan } => Some(plan.clone()),
            DropState::Rejected { .. } => None,
            DropState::Reading(_) | DropState::Held(_) | DropState::Accepted { .. } | DropState::Erased => {
                return None;
            }
        };
        Some(Self { source: drop.source.clone(), plan })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::identity::{DropId, JobId};
    use crate::ledger::example::{by, part, source};

    #[test]
    fn only_a_drop_that_is_over_has_something_to_delete_and_it_survives_being_written() {
        let whole = Plan::Whole { parts: vec![part(&JobId::derive(&DropId::derive(&source()), 1, 1))] };
        let paged = Plan::Paged { plan_id: "p".into(), pages: 2, records: 7 };
        let accepted = DropState::Accepted { settings: None, repairs: None, plan: paged.clone() };
        let claimed = DropEntry::claim(DropId::derive(&source()), source(), &by());
        let rejected = DropState::Rejected { problems: vec![], stopped_early: false };
        let finished = |plan| DropState::Finished { plan };
        for (state, expected) in [
            (claimed.state.clone(), None),
            (accepted, None),
            (DropState::Erased, None),
            (rejected, Some(None)),
            (finished(whole.clone()), Some(Some(whole))),
            (finished(paged.clone()), Some(Some(paged))),
        ] {
            let erasure = Erasure::of(&DropEntry { state, ..claimed.clone() });
            assert_eq!(erasure, expected.map(|plan| Erasure { source: source(), plan }));
            let json = serde_json::to_vec(&erasure).unwrap();
            assert_eq!(serde_json::from_slice::<Option<Erasure>>(&json).unwrap(), erasure);
        }
    }
}
