//! The ledger entry of a job. Pure.

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::identity::{DropId, JobId};
use crate::drop::keys;
use crate::drop::plan::Part;
use crate::drop::settings::Settings;
use crate::drop::source::DropSource;
use crate::job::padding::Padding;
use crate::job::retry::Attempt;
use crate::job::summary::{Finished, SummaryJob};
use crate::ledger::entry::{Entry, VERSION};
use crate::ledger::illegal_move::IllegalMove;
use crate::ledger::job_state::{JobState, Refusal};
use crate::ledger::lease::Invocation;
use crate::ledger::stored_job::{ReadJob, Segment, WrittenJob};

/// The entry of a job: `ledger/jobs/<job-id>.json`. [`stored_job`](super::stored_job) has its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ReadJob", into = "WrittenJob")]
pub struct JobEntry {
    /// The schema version.
    pub version: u32,
    /// The job.
    pub job_id: JobId,
    /// The drop that the job belongs to.
    pub drop_id: DropId,
    /// The object version that the drop is.
    pub source: DropSource,
    /// The part of the drop that the job processes.
    pub part: Part,
    /// Which attempt at the part this is, counted from 1.
    pub attempt: u32,
    /// The padding records that the job's input has beside those of the part; `None` if it has none.
    pub padding: Option<Padding>,
    /// The settings that were recorded when the drop was accepted; `None` in version 1.
    pub settings: Option<Settings>,
    /// The settings that the job uses instead: those in force when it was asked for again after a refusal for a cause
    /// that an operator had to fix.
    pub new_settings: Option<Settings>,
    /// Which invocation wrote this entry, so that it recognizes its own write.
    pub writer: String,
    /// When the job was first recorded.
    pub created: Timestamp,
    /// When this entry was written.
    pub updated: Timestamp,
    /// When the job's input was written, or a little earlier. Objects below `work/` expire, so the input of a job that still waits must be
    /// renewed in time.
    pub input_written: Timestamp,
    /// Why Bedrock refused the job at the last try.
    pub refusal: Option<Refusal>,
    /// Where the job stands.
    pub state: JobState,
}

impl JobEntry {
    /// The first entry of a job, for an attempt, counted from 1, at a part of a drop.
    #[must_use]
    pub fn waiting(
        drop_id: &DropId,
        source: &DropSource,
        part: &Part,
        attempt: u32,
        by: &Invocation,
        input_written: Timestamp,
    ) -> Self {
        Self {
            version: VERSION,
            job_id: part.job_id.clone(),
            drop_id: drop_id.clone(),
            source: source.clone(),
            part: part.clone(),
            attempt,
            padding: None,
            settings: None,
            new_settings: None,
            writer: by.writer.clone(),
            created: input_written,
            updated: input_written,
            input_written,
            refusal: None,
            state: JobState::Waiting,
        }
    }

    /// The entry of a part for which no job can be made, because the drop's version is gone.
    #[must_use]
    pub fn source_deleted(
        drop_id: &DropId,
        source: &DropSource,
        part: &Part,
        by: &Invocation,
        now: Timestamp,
    ) -> Self {
        Self { state: JobState::SourceDeleted, ..Self::waiting(drop_id, source, part, 1, by, now) }
    }

    /// Returns the same entry with a new copy of the job's input.
    #[must_use]
    pub fn with_new_input(&self, by: &Invocation) -> Self {
        Self { version: VERSION, input_written: by.started, writer: by.writer.clone(), ..self.clone() }
    }

    /// Returns the entry with its next state.
    ///
    /// # Errors
    /// [`IllegalMove`] if this state does not lead to that one.
    pub fn advance(&self, state: JobState, by: &Invocation) -> Result<Self, IllegalMove> {
        if !self.state.may_become(&state) {
            let what = format!("job {}", self.job_id);
            return Err(IllegalMove { what, from: self.state.name(), to: state.name() });
        }
        Ok(Self { version: VERSION, state, writer: by.writer.clone(), ..self.clone() })
    }

    /// Returns the entry without the key of the drop, and without the texts of Bedrock and of the records; `None` if it
    /// has none of them.
    #[must_use]
    pub fn erased(&self, by: &Invocation) -> Option<Self> {
        let erased = Self {
            source: self.source.without_key(),
            refusal: None,
            state: self.state.without_texts(),
            ..self.clone()
        };
        (erased != *self).then(|| Self { version: VERSION, writer: by.writer.clone(), ..erased })
    }

    /// The key of the job's marker.
    #[must_use]
    pub fn marker(&self) -> String {
        keys::job_marker(self.source.last_modified, &self.drop_id, self.part.page(), &self.job_id)
    }

    /// The settings that the job uses; `None` for those in force, as for a job of version 1.
    #[must_use]
    pub fn settings_in_use(&self) -> Option<&Settings> {
        self.new_settings.as_ref().or(self.settings.as_ref())
    }

    /// The prefix of the route that the job's settings come from; `None` if they are those of the stack.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.settings_in_use()?.route.as_deref()
    }

    /// How many padding records the job's input has.
    #[must_use]
    pub fn padding_records(&self) -> u64 {
        self.padding.as_ref().map_or(0, |padding| padding.records)
    }

    /// The job as an attempt at its part.
    #[must_use]
    pub fn as_attempt(&self) -> Attempt<'_> {
        Attempt { drop_id: &self.drop_id, part: &self.part, number: self.attempt }
    }

    /// The next attempt at the records that this job left over, if that is decided and there is one.
    #[must_use]
    pub fn next_attempt(&self) -> Option<&Part> {
        self.state.outcome()?.next.as_ref()
    }

    /// Returns whether Bedrock refused the job for a cause that an operator must fix.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| !refusal.is_for_now)
    }

    /// Returns whether the job needs nothing more.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match &self.state {
            JobState::Settled(..) | JobState::SourceDeleted => true,
            JobState::Waiting
            | JobState::Submitting { .. }
            | JobState::Submitted(_)
            | JobState::Stopping(_)
            | JobState::Doubtful(..)
            | JobState::Ended(..) => false,
        }
    }

    /// What the drop's summary says about this job; `None` if the job still needs something.
    #[must_use]
    pub fn finished(&self) -> Option<Finished> {
        match &self.state {
            JobState::Settled(job, outcome) => Some(Finished::Settled(Box::new(SummaryJob {
                part: self.part.number,
                attempt: self.attempt,
                job_id: self.job_id.clone(),
                job_arn: job.job_arn.clone(),
                padding: self.padding.clone(),
                outcome: outcome.clone(),
            }))),
            JobState::SourceDeleted => Some(Finished::SourceDeleted { records: self.part.records }),
            JobState::Waiting
            | JobState::Submitting { .. }
            | JobState::Submitted(_)
            | JobState::Stopping(_)
            | JobState::Doubtful(..)
            | JobState::Ended(..) => None,
        }
    }
}

impl TryFrom<ReadJob> for JobEntry {
    type Error = String;

    fn try_from(read: ReadJob) -> Result<Self, String> {
        let (version, segments) = match read.version {
            1 => (1, read.segment.into_iter().collect()),
            version => (version, read.segments),
        };
        let [Segment { drop_id, source, part, attempt }] =
            <[Segment; 1]>::try_from(segments).map_err(|segments| {
                format!("a job of version {version} has {} segments, not one", segments.len())
            })?;
        Ok(Self {
            version,
            job_id: read.job_id,
            drop_id,
            source,
            part,
            attempt,
            padding: read.padding,
            settings: read.settings,
            new_settings: read.new_settings,
            writer: read.writer,
            created: read.created,
            updated: read.updated,
            input_written: read.input_written,
            refusal: read.refusal,
            state: read.state,
        })
    }
}

impl From<JobEntry> for WrittenJob {
    fn from(job: JobEntry) -> Self {
        let JobEntry { drop_id, source, part, attempt, .. } = job;
        Self {
            version: VERSION,
            job_id: job.job_id,
            segments: [Segment { drop_id, source, part, attempt }],
            padding: job.padding,
            settings: job.settings,
            new_settings: job.new_settings,
            writer: job.writer,
            created: job.created,
            updated: job.updated,
            input_written: job.input_written,
            refusal: job.refusal,
            state: job.state,
        }
    }
}

impl Entry for JobEntry {
    const VERSION: u32 = VERSION;

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
    use crate::job::findings::Findings;
    use crate::job::outcome::Outcome;
    use crate::ledger::example::{by, job_states, part, source};

    #[test]
    fn jobs_move_as_drawn_and_no_other_way() {
        let drawn = [
            ("Waiting", "Submitting"),
            ("Waiting", "Ended"),
            ("Submitting", "Submitting"),
            ("Submitting", "Submitted"),
            ("Submitting", "Waiting"),
            ("Submitting", "Ended"),
            ("Submitted", "Stopping"),
            ("Submitted", "Doubtful"),
            ("Submitted", "Ended"),
            ("Stopping", "Doubtful"),
            ("Stopping", "Ended"),
            ("Doubtful", "Doubtful"),
            ("Doubtful", "Ended"),
            ("Ended", "Settled"),
        ];
        let drop_id = DropId::derive(&source());
        let job_id = JobId::derive(&drop_id, 1, 1);
        let part = part(&job_id);
        for from in job_states() {
            for to in job_states() {
                let entry = JobEntry {
                    state: from.clone(),
                    ..JobEntry::waiting(&drop_id, &source(), &part, 1, &by(), Timestamp::from_secs(0))
                };
                let moved = entry.advance(to.clone(), &by());
                assert_eq!(
                    moved.is_ok(),
                    drawn.contains(&(from.name(), to.name())),
                    "{} to {}",
                    from.name(),
                    to.name()
                );
                if let Err(error) = moved {
                    let text = format!("job {job_id} cannot go from {} to {}", from.name(), to.name());
                    assert_eq!(error.to_string(), text);
                }
            }
        }
    }

    fn entry() -> JobEntry {
        let drop_id = DropId::derive(&source());
        let part = part(&JobId::derive(&drop_id, 1, 2));
        JobEntry::waiting(&drop_id, &source(), &part, 2, &by(), Timestamp::from_secs(3))
    }

    fn padding() -> Padding {
        Padding { records: 99, body: "b".into(), max_input_tokens: 1, max_output_tokens: None }
    }

    #[test]
    fn entries_survive_being_written() {
        for state in job_states() {
            let settings = Settings { max_attempts: 7, ..Settings::example() };
            let entry = JobEntry {
                padding: Some(padding()),
                settings: Some(Settings::example()),
                new_settings: Some(settings),
                created: Timestamp::from_secs(1),
                updated: Timestamp::from_secs(2),
                refusal: Some(Refusal { is_for_now: true, message: "m".into() }),
                state,
                ..entry()
            };
            let json = serde_json::to_vec(&entry).unwrap();
            assert_eq!(serde_json::from_slice::<JobEntry>(&json).unwrap(), entry);
        }
    }

    #[test]
    fn first_entry_says_whether_there_is_a_source() {
        let JobEntry { drop_id, part, .. } = entry();
        assert_eq!((entry().state, entry().attempt), (JobState::Waiting, 2));
        let gone = JobEntry::source_deleted(&drop_id, &source(), &part, &by(), Timestamp::from_secs(4));
        assert_eq!((gone.state.clone(), gone.attempt), (JobState::SourceDeleted, 1));
        assert_eq!(
            (gone.is_settled(), gone.finished()),
            (true, Some(Finished::SourceDeleted { records: 1 }))
        );
    }

    #[test]
    fn next_entry_has_the_version_of_this_release_and_its_writer() {
        let old = JobEntry { version: 1, ..entry() };
        let next = Invocation { writer: "next".into(), started: Timestamp::from_secs(9), ..by() };
        let again = old.with_new_input(&next);
        assert_eq!((again.version, again.input_written), (VERSION, Timestamp::from_secs(9)));
        assert_eq!((again.writer.as_str(), &again.state), ("next", &JobState::Waiting));
        let state = job_states().remove(1);
        let mut moved = old.advance(state.clone(), &next).unwrap();
        assert_eq!((moved.version, &moved.state, moved.writer.as_str()), (VERSION, &state, "next"));
        moved.stamp(Timestamp::from_secs(5), false);
        assert_eq!((moved.created, moved.updated), (old.created, Timestamp::from_secs(5)));
        moved.stamp(Timestamp::from_secs(6), true);
        assert_eq!((moved.created, moved.updated), (Timestamp::from_secs(6), Timestamp::from_secs(6)));
    }

    #[test]
    fn entry_says_what_the_job_uses_and_what_comes_next() {
        let (old, new) = (Settings::example(), Settings { max_attempts: 7, ..Settings::example() });
        let pinned = JobEntry { settings: Some(old.clone()), ..entry() };
        assert_eq!((entry().settings_in_use(), pinned.settings_in_use()), (None, Some(&old)));
        let changed = JobEntry { new_settings: Some(new.clone()), ..pinned };
        assert_eq!(changed.settings_in_use(), Some(&new));
        assert_eq!(entry().padding_records(), 0);
        assert_eq!(JobEntry { padding: Some(padding()), ..entry() }.padding_records(), 99);
        let marker = keys::job_marker(Timestamp::from_secs(0), &entry().drop_id, 1, &entry().job_id);
        assert_eq!(entry().marker(), marker);
        assert_eq!((entry().as_attempt().number, entry().as_attempt().part), (2, &entry().part));
        let refused = |is_for_now| {
            let refusal = Some(Refusal { is_for_now, message: String::new() });
            JobEntry { refusal, ..entry() }.is_refused()
        };
        assert_eq!((entry().is_refused(), refused(true), refused(false)), (false, false, true));
    }

    #[test]
    fn erased_entry_has_no_key_and_no_text_and_is_erased_once() {
        let refusal = Some(Refusal { is_for_now: false, message: "text".into() });
        for state in job_states() {
            let name = state.name();
            let state = match state {
                JobState::Settled(job, outcome) => {
                    let findings = Findings { other_errors: 1, ..Findings::default() };
                    let (message, mismatches) = (Some("text".into()), vec!["text".into()]);
                    JobState::Settled(job, Outcome { message, mismatches, findings, ..outcome })
                }
                state => state,
            };
            let entry = JobEntry { state, refusal: refusal.clone(), ..entry() };
            let erased = entry.erased(&by()).unwrap();
            assert_eq!((erased.source.key.as_str(), &erased.refusal), ("", &None), "{name}");
            assert_eq!((erased.state.name(), &erased.part), (name, &entry.part));
            let json = serde_json::to_string(&erased).unwrap();
            assert!(!json.contains("text") && !json.contains("findings"), "{json}");
            assert_eq!(erased.erased(&by()), None, "{name}");
        }
    }

    #[test]
    fn only_a_job_that_is_settled_is_finished() {
        let next = part(&JobId::derive(&entry().drop_id, 1, 3));
        for state in job_states() {
            let state = match state {
                JobState::Ended(job, outcome) => {
                    JobState::Ended(job, Outcome { next: Some(next.clone()), ..outcome })
                }
                state => state,
            };
            let name = state.name();
            let entry = JobEntry { state, padding: Some(padding()), ..entry() };
            let is_settled = ["Settled", "SourceDeleted"].contains(&name);
            assert_eq!((entry.is_settled(), entry.finished().is_some()), (is_settled, is_settled), "{name}");
            assert_eq!(entry.next_attempt(), (name == "Ended").then_some(&next), "{name}");
            if let Some(Finished::Settled(job)) = entry.finished() {
                assert_eq!((job.part, job.attempt, job.job_arn.as_str()), (1, 2, "arn"));
                assert_eq!((job.job_id, job.padding), (entry.job_id, Some(padding())));
            }
        }
    }
}
