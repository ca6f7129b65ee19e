//! The ledger's entries: read as JSON, changed by conditional writes.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::aws::clock::now;
use crate::aws::error::{Error, ErrorKind};
use crate::aws::sdk_error;
use crate::aws::store::objects::{JSON_TYPE, Store, to_json};
use crate::aws::store::refusals::{is_conflict, is_gone, is_lost};
use crate::ledger::entry::{Entry, EntryError, parse};

/// How often a conditional write is tried if it neither takes effect nor loses to another write. S3 then answers `409
/// ConditionalRequestConflict`, for example, which the SDK does not retry.
const CONDITIONAL_ATTEMPTS: u32 = 5;

/// An `ETag` with its quotes, as S3 returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// Takes the `ETag` of an answer to `call`. Every answer of S3 has one, and without it no entry could be changed.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if there is none.
    pub(super) fn of_answer(call: &str, etag: Option<String>) -> Result<Self, Error> {
        etag.map(Self).ok_or_else(|| Error::Call {
            call: call.to_owned(),
            kind: ErrorKind::Misconfigured,
            source: "the answer has no ETag: the server at this endpoint does not behave like Amazon S3"
                .into(),
        })
    }
}

/// A ledger entry as it was read, and the `ETag` that a conditional write needs to replace it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// The entry.
    pub entry: T,
    /// The `ETag` of the object that has the entry.
    pub etag: ETag,
}

/// How S3 answered a conditional write.
enum Answer {
    /// The entry is written.
    Written(ETag),
    /// Another write is under way.
    Conflict(Error),
    /// The entry is not written, because the condition does not hold.
    ConditionFails(Error),
    /// Any other error, or none: the entry may be written.
    Failed(Error),
}

impl Store {
    /// Reads a whole object of the output bucket as JSON; `None` if there is no such object.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, and [`Error::Unreadable`] if the object is not the JSON that it
    /// should be.
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        let Some((bytes, _)) = self.get(key).await? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(key, error.into()))
    }

    /// Reads an entry of the ledger; `None` if there is no such entry.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, and [`Error::Unreadable`] if this release cannot read the entry.
    pub async fn get_entry<T: Entry>(&self, key: &str) -> Result<Option<Stored<T>>, Error> {
        let Some((bytes, etag)) = self.get(key).await? else { return Ok(None) };
        let etag = ETag::of_answer(&self.named("GetObject", key), etag)?;
        let entry = parse(&bytes).map_err(|source| unreadable(key, source))?;
        Ok(Some(Stored { entry, etag }))
    }

    /// Creates a ledger entry. Returns `None` if there is another one.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, and [`Error::Unreadable`] if the entry that is there cannot be read.
    pub async fn create<T: Entry>(&self, key: &str, entry: T) -> Result<Option<Stored<T>>, Error> {
        self.write_if(key, entry, None).await
    }

    /// Replaces a ledger entry. Returns `None` if another write has changed it since it was read.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, and [`Error::Unreadable`] if the entry that is there cannot be read.
    pub async fn replace<T: Entry>(
        &self,
        key: &str,
        entry: T,
        read: &ETag,
    ) -> Result<Option<Stored<T>>, Error> {
        self.write_if(key, entry, Some(read)).await
    }

    /// Replaces the entry that was read with this ETag, or creates the entry if `read` is `None`. Each entry carries the
    /// id of its writer, so an invocation recognizes its own write:
    ///
    /// | S3 answers | the object is now | result |
    /// |---|---|---|
    /// | 200 | | our entry |
    /// | 409: another write is under way | | try again |
    /// | 412 or 404: the condition does not hold | as it was read | try again: the loser leaves the work to the winner, so there must be one |
    /// | 412 or 404 | our entry | our entry: the SDK retries by itself, and an earlier attempt had its effect |
    /// | 412 or 404 | another entry, or gone | `None` |
    /// | another error, or nothing | our entry | our entry: only the answer was lost. Otherwise, nobody would know of the lease |
    /// | another error, or nothing | anything else | the error |
    async fn write_if<T: Entry>(
        &self,
        key: &str,
        mut entry: T,
        read: Option<&ETag>,
    ) -> Result<Option<Stored<T>>, Error> {
        entry.stamp(now().into(), read.is_none());
        let bytes = to_json(key, &entry)?;
        let mut attempt = 1;
        loop {
            let (error, condition_fails) = match self.put_if(key, bytes.clone(), read).await? {
                Answer::Written(etag) => return Ok(Some(Stored { entry, etag })),
                Answer::Conflict(error) => {
                    attempt += 1;
                    pause_before(attempt, error).await?;
                    continue;
                }
                Answer::ConditionFails(error) => (error, true),
                Answer::Failed(error) => (error, false),
            };
            let stored = match self.get_entry::<T>(key).await {
                Err(unread) if condition_fails => return Err(unread),
                stored => stored.ok().flatten(),
            };
            let is_as_read = stored.as_ref().map(|stored| &stored.etag) == read;
            let own = stored.filter(|stored| stored.entry == entry);
            match (condition_fails, is_as_read) {
                (true, true) => {
                    attempt += 1;
                    pause_before(attempt, error).await?;
                }
                (true, false) => return Ok(own),
                (false, _) => return own.map_or(Err(error), |own| Ok(Some(own))),
            }
        }
    }

    /// Sends a conditional write once.
    async fn put_if(&self, key: &str, bytes: Vec<u8>, read: Option<&ETag>) -> Result<Answer, Error> {
        let request = self.client.put_object().bucket(&self.output_bucket).key(key).content_type(JSON_TYPE);
        let request = match read {
            None => request.if_none_match("*"),
            Some(etag) => request.if_match(&etag.0),
        };
        let call = self.named("PutObject", key);
        let refusal = match request.body(bytes.into()).send().await {
            Ok(answer) => return ETag::of_answer(&call, answer.e_tag).map(Answer::Written),
            Err(refusal) => refusal,
        };
        let (condition_fails, is_conflict) = (is_lost(&refusal) || is_gone(&refusal), is_conflict(&refusal));
        let error = sdk_error::classify(call, refusal);
        Ok(match (condition_fails, is_conflict) {
            (true, _) => Answer::ConditionFails(error),
            (false, true) => Answer::Conflict(error),
            (false, false) => Answer::Failed(error),
        })
    }
}

fn unreadable(key: &str, source: EntryError) -> Error {
    Error::Unreadable { key: key.to_owned(), source }
}

/// Waits before the next attempt at a conditional write, or gives up with the error of the last one.
async fn pause_before(attempt: u32, error: Error) -> Result<(), Error> {
    if attempt > CONDITIONAL_ATTEMPTS {
        return Err(error);
    }
    tokio::time::sleep(Duration::from_millis(fastrand::u64(10..50 << attempt))).await;
    Ok(())
}
