//! Judges an input with the validator of the function `submit`, and looks at some of its records for an estimate.

use std::io::{self, Read};
use std::ops::ControlFlow;

use tokio::sync::oneshot;

use super::bar::Bar;
use super::input::{Input, Opened, ReadError, Sources};
use crate::aws::config::Config;
use crate::drop::check::{Accepted, Validator, Verdict, check_source};
use crate::drop::identity::DropId;
use crate::drop::source::DropSource;
use crate::estimate::sample::{FileTokens, Sampler};
use crate::estimate::tokens::Model;

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 128 << 10;

/// Up to this size, the rules of the model are applied to every record. It takes less than a second.
const SMALL_BYTES: u64 = 64 << 20;

/// What was found out about an input.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// How many bytes it has, as far as it was read.
    pub(super) bytes: u64,
    /// What its records take; `None` if none were looked at.
    pub(super) tokens: Option<FileTokens>,
}

/// How closely the records are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// The model that the records are for, to estimate their tokens; `None` for no estimate.
    pub(super) model: Option<Model>,
    /// Whether the rules of the model are applied to every record, not only to some.
    pub(super) every_record: bool,
}

/// Reads an input and judges it. Its key is its name, unless it gets another one.
pub(super) async fn judge(
    config: &Config,
    sources: &mut Sources,
    input: &Input,
    key: Option<&str>,
    mut look: Look,
) -> Result<Judged, ReadError> {
    let (mut source, is_sized, opened) = sources.open(input, config.call_timeout).await?;
    if let Some(key) = key {
        key.clone_into(&mut source.key);
    }
    look.every_record |= is_sized && source.size_bytes <= SMALL_BYTES;
    if let Some(problem) = check_source(&source, config.name_rule(), config.max_drop_bytes) {
        let verdict = Verdict::Invalid { problems: vec![problem], stopped_early: false };
        return Ok(Judged { verdict, bytes: source.size_bytes, tokens: None });
    }
    let bar = Bar::new(input.to_string(), is_sized.then_some(source.size_bytes));
    let _cleared = bar.clear_on_drop();
    let judge = Judge::new(config, &source, look, bar);
    let mut judged = match opened {
        Opened::Local(reader) => {
            // A thread of its own, because reading may block for as long as it likes. If a signal ends the command, nobody
            // waits for the thread.
            let (sender, judged) = oneshot::channel();
            std::thread::Builder::new().spawn(move || {
                // If a signal has ended the command, nobody receives it.
                let _ = sender.send(read_all(reader, judge));
            })?;
            judged.await.unwrap_or_else(|_| Err(io::Error::other("the reading ended with a panic").into()))?
        }
        Opened::S3(mut reader) => {
            let mut judge = judge;
            while let Some(chunk) = reader.next().await? {
                if judge.feed(&chunk).is_break() {
                    break;
                }
            }
            judge.finish()
        }
    };
    // The size of standard input is only known now.
    source.size_bytes = source.size_bytes.max(judged.bytes);
    if let Some(problem) = check_source(&source, config.name_rule(), config.max_drop_bytes) {
        judged.verdict = Verdict::Invalid { problems: vec![problem], stopped_early: false };
    }
    Ok(judged)
}

fn read_all(mut reader: impl Read, mut judge: Judge) -> Result<Judged, ReadError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if judge.feed(chunk.get(..length).unwrap_or_default()).is_break() {
            break;
        }
    }
    Ok(judge.finish())
}

/// Everything that sees the bytes of an input.
struct Judge {
    max_drop_bytes: u64,
    validator: Validator,
    sampler: Option<Sampler>,
    bytes: u64,
    bar: Bar,
}

impl Judge {
    fn new(config: &Config, source: &DropSource, look: Look, bar: Bar) -> Self {
        // Records without an id get one that starts with the drop id. Here, any drop id will do.
        let drop_id = DropId::derive(source);
        let validator = config.validator(drop_id, &config.settings()).with_warnings();
        let validator = if look.every_record { validator.with_every_record() } else { validator };
        let sampler = look.model.map(|model| Sampler::new(model, config.max_record_bytes));
        Self { max_drop_bytes: config.max_drop_bytes, validator, sampler, bytes: 0, bar }
    }

    fn feed(&mut self, chunk: &[u8]) -> ControlFlow<()> {
        self.bytes += chunk.len() as u64;
        self.bar.set(self.bytes);
        if self.validator.feed(chunk).is_err() || self.bytes > self.max_drop_bytes {
            return ControlFlow::Break(());
        }
        if let Some(sampler) = &mut self.sampler {
            sampler.feed(chunk);
        }
        ControlFlow::Continue(())
    }

    fn finish(self) -> Judged {
        let Self { validator, sampler, bytes, bar, .. } = self;
        bar.clear();
        let verdict = validator.finish();
        let tokens = match &verdict {
            Verdict::Valid(Accepted { parts, .. }) => {
                sampler.and_then(|sampler| sampler.finish(parts.iter().map(|part| part.records).sum()))
            }
            Verdict::Invalid { .. } => None,
        };
        Judged { verdict, bytes, tokens }
    }
}
