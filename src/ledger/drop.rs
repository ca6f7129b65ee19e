//! The ledger entry of a drop, and the moves between its states. Pure.
//!
//! ```text
//! Reading ──► Held ──► Accepted ──► Finished ──► Erased
//!    ├─────────┼──────►┘                             ▲
//!    └─────────┴──► Rejected ────────────────────────┘
//! ```

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::plan::Plan;
use crate::drop::rejection::Problem;
use crate::drop::repairs::Repairs;
use crate::drop::settings::Settings;
use crate::drop::source::DropSource;
use crate::ledger::entry::{Entry, VERSION};
use crate::ledger::held::Held;
use crate::ledger::illegal_move::IllegalMove;
use crate::ledger::lease::Invocation;

/// The entry of a drop: `ledger/drops/<drop-id>/drop.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropEntry {
    /// The schema version.
    pub version: u32,
    /// The drop.
    pub drop_id: DropId,
    /// The object version that the drop is.
    pub source: DropSource,
    /// Which invocation wrote this entry, so that it recognizes its own write.
    pub writer: String,
    /// The request that this invocation handled. If it comes again, it tells of the end of the drop, in case the first
    /// invocation died before it could. Releases before 0.3 did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The principal that put the file, as the event of the put names it; `None` if that event was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_by: Option<String>,
    /// When the drop was claimed.
    pub created: Timestamp,
    /// When this entry was written.
    pub updated: Timestamp,
    /// Where the drop stands.
    pub state: DropState,
}

/// Where a drop stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name")]
pub enum DropState {
    /// An invocation is reading the drop and judging its lines.
    Reading(Reading),
    /// The drop is valid, but a budget or its content may keep it from being submitted. Nothing of it is at Bedrock.
    Held(Box<Held>),
    /// The drop is valid. Its jobs are made from this plan.
    Accepted {
        /// The settings that all its jobs use. Version 1 did not record them: such a drop uses those in force.
        #[serde(default)]
        settings: Option<Settings>,
        /// How the drop was repaired; `None` if it was not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repairs: Option<Box<Repairs>>,
        /// The parts, or where they are.
        #[serde(flatten)]
        plan: Plan,
    },
    /// The drop was refused. `rejection.json` is made from these problems.
    Rejected {
        /// What is wrong with the drop.
        problems: Vec<Problem>,
        /// The drop was not judged to its end, so it may have more problems.
        stopped_early: bool,
    },
    /// All jobs are settled, and `summary.json` is written.
    Finished {
        /// The parts, or where they are.
        #[serde(flatten)]
        plan: Plan,
    },
    /// An operator has erased the drop. The entry remains, so that the drop does not run again.
    Erased,
}

/// A reading of a drop, which is also the lease of the invocation that reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// When the invocation's lease ends.
    pub lease_until: Timestamp,
    /// The request that the invocation handles. The same request may take the drop over at any time.
    pub request_id: String,
    /// How many readings have started, including this one. A reading that ended with an error does not count.
    pub attempts: u32,
    /// How far the last reading that ran out of time got; `None` if none did.
    pub too_slow: Option<TooSlow>,
}

impl Reading {
    /// The first reading of a drop.
    #[must_use]
    pub fn first(by: &Invocation) -> Self {
        let (lease_until, request_id) = (by.lease_until, by.request_id.clone());
        Self { lease_until, request_id, attempts: 1, too_slow: None }
    }

    /// Returns the reading after this one, by the invocation that takes the drop over.
    #[must_use]
    pub fn taken_over(&self, by: &Invocation) -> Self {
        Self { attempts: self.attempts + 1, too_slow: self.too_slow, ..Self::first(by) }
    }

    /// Returns this reading without its lease. It counts only if it ran out of time, and then `too_slow` says how far
    /// it got.
    #[must_use]
    pub fn given_back(&self, too_slow: Option<TooSlow>, by: &Invocation) -> Self {
        let attempts = if too_slow.is_some() { self.attempts } else { self.attempts.saturating_sub(1) };
        let too_slow = too_slow.or(self.too_slow);
        Self { lease_until: by.started, request_id: self.request_id.clone(), attempts, too_slow }
    }

    /// Returns whether another invocation holds the lease. The same request comes again only after it has failed or,
    /// rarely, twice at once: then the drop is read twice, and the first verdict counts.
    #[must_use]
    pub fn is_leased_to_another(&self, by: &Invocation) -> bool {
        self.lease_until > by.started && self.request_id != by.request_id
    }
}

/// How far a reading got before it ran out of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TooSlow {
    /// The bytes that it read.
    pub bytes: u64,
    /// The seconds that it took; at least 1.
    pub seconds: u64,
}

impl DropState {
    /// The name of the state, as in the drawing.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reading(_) => "Reading",
            Self::Held(_) => "Held",
            Self::Accepted { .. } => "Accepted",
            Self::Rejected { .. } => "Rejected",
            Self::Finished { .. } => "Finished",
            Self::Erased => "Erased",
        }
    }

    fn may_become(&self, next: &Self) -> bool {
        match self {
            // A lease may be given back, and another invocation may take over when it has ended.
            Self::Reading(_) => {
                let is_judged = matches!(next, Self::Held(_) | Self::Accepted { .. } | Self::Rejected { .. });
                is_judged || matches!(next, Self::Reading(_))
            }
            // One that is cancelled before it was released is refused: nothing of it was submitted.
            Self::Held(_) => matches!(next, Self::Held(_) | Self::Accepted { .. } | Self::Rejected { .. }),
            Self::Accepted { .. } => matches!(next, Self::Finished { .. }),
            Self::Rejected { .. } | Self::Finished { .. } => matches!(next, Self::Erased),
            Self::Erased => false,
        }
    }
}

impl DropEntry {
    /// The first entry of a drop.
    #[must_use]
    pub fn claim(drop_id: DropId, source: DropSource, by: &Invocation) -> Self {
        Self {
            version: VERSION,
            drop_id,
            source,
            writer: by.writer.clone(),
            request_id: Some(by.request_id.clone()),
            dropped_by: None,
            created: by.started,
            updated: by.started,
            state: DropState::Reading(Reading::first(by)),
        }
    }

    /// The settings that the drop's jobs use; `None` if the drop is not accepted or held, or was in version 1.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        match &self.state {
            DropState::Held(held) => Some(&held.settings),
            DropState::Accepted { settings, .. } => settings.as_ref(),
            DropState::Reading(_)
            | DropState::Rejected { .. }
            | DropState::Finished { .. }
            | DropState::Erased => None,
        }
    }

    /// How the drop was repaired, as far as the entry says so: it does from the acceptance to the summary.
    #[must_use]
    pub fn repairs(&self) -> Repairs {
        match &self.state {
            DropState::Held(held) => held.repairs.as_deref().copied().unwrap_or_default(),
            DropState::Accepted { repairs, .. } => repairs.as_deref().copied().unwrap_or_default(),
            DropState::Reading(_)
            | DropState::Rejected { .. }
            | DropState::Finished { .. }
            | DropState::Erased => Repairs::default(),
        }
    }

    /// Returns the entry with its next state.
    ///
    /// # Errors
    /// [`IllegalMove`] if this state does not lead to that one.
    pub fn advance(&self, state: DropState, by: &Invocation) -> Result<Self, IllegalMove> {
        if !self.state.may_become(&state) {
            let what = format!("drop {}", self.drop_id);
            return Err(IllegalMove { what, from: self.state.name(), to: state.name() });
        }
        let (writer, request_id) = (by.writer.clone(), Some(by.request_id.clone()));
        // Only a release that knows of budgets may go on with a drop that is held.
        let version = if matches!(state, DropState::Held(_)) { Self::VERSION } else { VERSION };
        Ok(Self { version, state, writer, request_id, ..self.clone() })
    }

    /// Returns the entry that remains of an erased drop, without its key and the name of who put it.
    ///
    /// # Errors
    /// [`IllegalMove`] if the drop is not over, or is erased already.
    pub fn erased(&self, by: &Invocation) -> Result<Self, IllegalMove> {
        let tombstone = self.advance(DropState::Erased, by)?;
        Ok(Self { source: self.source.without_key(), dropped_by: None, ..tombstone })
    }

    /// Returns whether this invocation handles the request that wrote this entry, perhaps again.
    #[must_use]
    pub fn is_of_request(&self, by: &Invocation) -> bool {
        self.request_id.as_deref() == Some(by.request_id.as_str())
    }
}

impl Entry for DropEntry {
    const VERSION: u32 = 4;

    fn stamp(&mut self, time: Timestamp, is_new: bool) {
        self.updated = time;
        if is_new {
            self.created = time;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::example::{by, source};
    use crate::ledger::held::Reason;
    use crate::ledger::held::tests::held;

    fn drop_states() -> Vec<DropState> {
        vec![
            DropState::Reading(Reading::first(&by())),
            DropState::Held(Box::new(held(Some("5"), vec![Reason::CostUnknown]))),
            DropState::Accepted { settings: None, repairs: None, plan: Plan::Whole { parts: vec![] } },
            DropState::Rejected { problems: vec![], stopped_early: false },
            DropState::Finished { plan: Plan::Whole { parts: vec![] } },
            DropState::Erased,
        ]
    }

    #[test]
    fn drops_move_as_drawn_and_no_other_way() {
        let drawn = [
            ("Reading", "Reading"),
            ("Reading", "Accepted"),
            ("Reading", "Rejected"),
            ("Reading", "Held"),
            ("Held", "Held"),
            ("Held", "Accepted"),
            ("Held", "Rejected"),
            ("Accepted", "Finished"),
            ("Finished", "Erased"),
            ("Rejected", "Erased"),
        ];
        for from in drop_states() {
            for to in drop_states() {
                let entry = DropEntry {
                    state: from.clone(),
                    ..DropEntry::claim(DropId::derive(&source()), source(), &by())
                };
                let is_legal = entry.advance(to.clone(), &by()).is_ok();
                assert_eq!(
                    is_legal,
                    drawn.contains(&(from.name(), to.name())),
                    "{} to {}",
                    from.name(),
                    to.name()
                );
            }
        }
    }

    fn by_at(request_id: &str, started: i64, lease_until: i64) -> Invocation {
        let (started, lease_until) = (Timestamp::from_secs(started), Timestamp::from_secs(lease_until));
        Invocation { request_id: request_id.into(), writer: request_id.into(), started, lease_until, ..by() }
    }

    #[test]
    fn reading_belongs_to_its_request_until_its_lease_ends() {
        let reading = Reading::first(&by_at("a", 0, 100));
        let is_leased_to_another =
            |request_id, started| reading.is_leased_to_another(&by_at(request_id, started, 1_000));
        assert!(is_leased_to_another("b", 99));
        assert!(!is_leased_to_another("b", 100) && !is_leased_to_another("b", 101));
        assert!(!is_leased_to_another("a", 99) && !is_leased_to_another("a", 101));
    }

    #[test]
    fn reading_that_is_taken_over_counts_and_one_that_failed_does_not() {
        let too_slow = Some(TooSlow { bytes: 7, seconds: 9 });
        let first = Reading::first(&by_at("a", 0, 100));
        let second = first.given_back(too_slow, &by_at("a", 0, 100)).taken_over(&by_at("b", 200, 300));
        let expected =
            Reading { lease_until: Timestamp::from_secs(300), request_id: "b".into(), attempts: 2, too_slow };
        assert_eq!(second, expected);
        let failed = second.given_back(None, &by_at("b", 200, 300));
        assert_eq!((failed.attempts, failed.too_slow), (1, too_slow));
        assert!(!failed.is_leased_to_another(&by_at("c", 200, 300)), "the lease is over");
    }

    #[test]
    fn next_entry_has_the_version_of_this_release_and_its_writer() {
        let old = DropEntry { version: 1, ..DropEntry::claim(DropId::derive(&source()), source(), &by()) };
        let state = DropState::Rejected { problems: vec![], stopped_early: true };
        let mut next = old.advance(state.clone(), &by_at("next", 0, 1)).unwrap();
        assert_eq!((next.version, &next.state, next.writer.as_str()), (VERSION, &state, "next"));
        next.stamp(Timestamp::from_secs(5), false);
        assert_eq!((next.created, next.updated), (old.created, Timestamp::from_secs(5)));
        next.stamp(Timestamp::from_secs(6), true);
        assert_eq!((next.created, next.updated), (Timestamp::from_secs(6), Timestamp::from_secs(6)));
    }

    #[test]
    fn only_a_held_drop_is_left_alone_by_an_older_release() {
        let claimed = DropEntry::claim(DropId::derive(&source()), source(), &by());
        for state in drop_states() {
            let expected = if state.name() == "Held" { 4 } else { 3 };
            if let Ok(next) = claimed.advance(state, &by()) {
                assert_eq!(next.version, expected, "{}", next.state.name());
            }
        }
    }

    #[test]
    fn only_an_accepted_or_held_drop_has_settings() {
        let settings = Some(Settings::example());
        let accepted = DropState::Accepted {
            settings: settings.clone(),
            repairs: None,
            plan: Plan::Whole { parts: vec![] },
        };
        let entry =
            |state| DropEntry { state, ..DropEntry::claim(DropId::derive(&source()), source(), &by()) };
        assert_eq!(entry(accepted).settings(), settings.as_ref());
        let held = held(None, vec![]);
        assert_eq!(entry(DropState::Held(Box::new(held.clone()))).settings(), Some(&held.settings));
        assert_eq!(entry(DropState::Erased).settings(), None);
    }

    #[test]
    fn only_a_drop_that_is_over_is_erased_and_its_key_is_gone() {
        for state in drop_states() {
            let is_over = ["Rejected", "Finished"].contains(&state.name());
            let claimed = DropEntry::claim(DropId::derive(&source()), source(), &by());
            let entry = DropEntry { state, dropped_by: Some("AWS:person".into()), ..claimed };
            let erased = entry.erased(&by_at("later", 0, 1)).ok();
            assert_eq!(erased.is_some(), is_over, "{}", entry.state.name());
            let Some(erased) = erased else { continue };
            let expected = DropSource { key: String::new(), ..source() };
            assert_eq!((erased.source, erased.dropped_by), (expected, None));
            assert_eq!((erased.state, erased.drop_id), (DropState::Erased, entry.drop_id));
        }
    }

    #[test]
    fn entries_survive_being_written() {
        for state in drop_states() {
            let entry = DropEntry { state, ..DropEntry::claim(DropId::derive(&source()), source(), &by()) };
            let json = serde_json::to_vec(&entry).unwrap();
            assert_eq!(serde_json::from_slice::<DropEntry>(&json).unwrap(), entry);
        }
    }
}
