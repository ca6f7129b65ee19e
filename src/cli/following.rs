//! Follows drops until they end: with a picture on a terminal, with a line for each change elsewhere.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

use super::error::CliError;
use super::frame::{Followed, frame};
use super::index::drops_since;
use super::output::{columns, print_aside, print_line};
use super::problems::wrapped_to;
use super::screen::Screen;
use super::signals::Signals;
use super::stack::Stack;
use super::standing::{Standing, read};
use super::table::{ID_CHARS, View, explanation, records, table};
use crate::aws::clock::now;
use crate::aws::error::Chain;
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::estimate::price::Prices;
use crate::ledger::status::Stage;

/// How many files are read at the same time.
const CONCURRENT: usize = 16;

/// A drop enters the index when a function has seen it, which may be this long after it was put.
const LATEST_ENTRY: Duration = Duration::from_secs(15 * 60);

/// How many drops that have ended are shown at least, if new ones keep appearing.
const MAX_ENDED: usize = 500;

/// What is followed, and how it is shown.
pub(super) struct Following<'a> {
    pub(super) stack: &'a Stack,
    pub(super) prices: &'a Prices,
    /// Whether drops that are put from now on are followed, too, and there is no end.
    pub(super) with_new: bool,
    /// The command that goes on with it.
    pub(super) again: String,
}

/// How a drop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// It was rejected or cancelled, some records were not processed, or its figures disagree.
    Unsound,
    /// Every record has an answer or an error.
    Processed,
    /// Every record has an answer.
    Answered,
}

/// The member of `summary.json` that says whether all figures agree.
#[derive(Deserialize)]
struct Balance {
    balanced: bool,
}

impl Following<'_> {
    /// Follows drops until all have ended, or until a signal. Returns how the worst of them ended.
    pub(super) async fn follow(
        &self,
        drops: Vec<Standing>,
        signals: &mut Signals,
    ) -> Result<Ending, CliError> {
        let mut display = Display { screen: Screen::open(), note: None };
        let mut round = Round { drops: drops.into_iter().map(Followed::new).collect(), is_first: true };
        let followed = tokio::select! {
            biased;
            interrupt = signals.next() => Err(CliError::Interrupted(interrupt)),
            followed = self.run(&mut round, &mut display) => followed,
        };
        match followed {
            Ok(()) => {
                self.show_end(&round.drops, &mut display)?;
                self.worst(&round.drops).await
            }
            Err(CliError::Interrupted(interrupt)) => {
                self.show_end(&round.drops, &mut display)?;
                print_line(&format!("the drops go on without you; to return: {}", self.again))?;
                Err(CliError::Left(interrupt))
            }
            Err(error) => Err(error),
        }
    }

    async fn run(&self, round: &mut Round, display: &mut Display) -> Result<(), CliError> {
        let mut resized = signal(SignalKind::window_change()).map_err(CliError::Start)?;
        let mut tick = tokio::time::interval(self.stack.look_every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    match self.look(round).await {
                        Ok(()) => display.note = None,
                        // A pipeline of this machine that has ended does not come back.
                        Err(error @ CliError::Stack(_)) => return Err(error),
                        // It worked before, so it may work again: the network of a laptop comes and goes.
                        Err(error) if !round.is_first => {
                            display.cannot_look(format!("cannot look: {}; trying again", Chain(&error)));
                        }
                        Err(error) => return Err(error),
                    }
                    round.is_first = false;
                    self.show(&mut round.drops, display)?;
                    if !self.with_new && round.drops.iter().all(|drop| drop.standing.has_ended()) {
                        return Ok(());
                    }
                }
                Some(()) = resized.recv() => {
                    if let Some(screen) = &mut display.screen {
                        screen.resize();
                    }
                    self.show(&mut round.drops, display)?;
                }
            }
        }
    }

    /// Looks where all drops stand that have not ended, and which new ones there are.
    async fn look(&self, round: &mut Round) -> Result<(), CliError> {
        if self.with_new {
            let known: HashSet<String> =
                round.drops.iter().map(|drop| drop.standing.found.drop_id.to_string()).collect();
            let since = Timestamp::from(now()).minus(LATEST_ENTRY);
            for drop in drops_since(self.stack, since).await? {
                if !known.contains(drop.drop_id.as_str()) {
                    let standing = read(self.stack, Standing::indexed(drop)).await?;
                    // What ended before this command started is none of its business.
                    if !(round.is_first && standing.has_ended()) {
                        round.drops.push(Followed::new(standing));
                    }
                }
            }
        }
        round.forget_old();
        let open = round.drops.iter_mut().filter(|drop| !drop.standing.has_ended());
        let reads = open.map(|drop| async move {
            drop.standing = read(self.stack, drop.standing.clone()).await?;
            drop.pace.see(drop.standing.status.as_ref().and_then(|status| status.records), now().into());
            Ok::<_, CliError>(())
        });
        let mut reads = stream::iter(reads).buffer_unordered(CONCURRENT);
        while let Some(read) = reads.next().await {
            read?;
        }
        Ok(())
    }

    fn view(&self, columns: usize) -> View<'_> {
        View { columns, now: now().into(), prices: self.prices, region: &self.stack.region }
    }

    fn show(&self, drops: &mut [Followed], display: &mut Display) -> Result<(), CliError> {
        let Some(screen) = &mut display.screen else { return say(drops) };
        let size = Screen::size();
        let mut rows = frame(drops, display.note.as_deref(), size, &self.view(size.columns));
        if rows.is_empty() {
            rows.push("no drops are open; new ones appear here; Ctrl-C ends".to_owned());
        }
        screen.paint(&rows)
    }

    /// Leaves a table of all drops on the terminal.
    fn show_end(&self, drops: &[Followed], display: &mut Display) -> Result<(), CliError> {
        let Some(screen) = &mut display.screen else { return Ok(()) };
        screen.paint(&[])?;
        let standings: Vec<Standing> = drops.iter().map(|drop| drop.standing.clone()).collect();
        if standings.is_empty() {
            Ok(())
        } else {
            print_line(&table(&standings, &self.view(columns())).join("\n"))
        }
    }

    /// How the worst of the drops ended.
    async fn worst(&self, drops: &[Followed]) -> Result<Ending, CliError> {
        let mut worst = Ending::Answered;
        for Followed { standing, .. } in drops {
            worst = worst.min(self.ending(standing).await?);
        }
        Ok(worst)
    }

    async fn ending(&self, standing: &Standing) -> Result<Ending, CliError> {
        let Some(status) = &standing.status else { return Ok(Ending::Unsound) };
        let Some(results) = status.results.filter(|_| status.state == Stage::Finished) else {
            return Ok(Ending::Unsound);
        };
        let summary: Option<Balance> = self.stack.read_json(&standing.found.key("summary.json")).await?;
        Ok(match summary {
            Some(Balance { balanced: true }) if results.succeeded == results.total => Ending::Answered,
            Some(Balance { balanced: true }) if results.succeeded + results.failed == results.total => {
                Ending::Processed
            }
            _ => Ending::Unsound,
        })
    }
}

/// What is followed from look to look.
struct Round {
    drops: Vec<Followed>,
    is_first: bool,
}

impl Round {
    /// Forgets drops that ended long ago, because someone may watch for weeks. They are no longer found as new ones.
    fn forget_old(&mut self) {
        let has_ended = |drop: &&Followed| drop.standing.has_ended();
        let mut too_many = self.drops.iter().filter(has_ended).count().saturating_sub(MAX_ENDED);
        let long_ago = Timestamp::from(now()).minus(2 * LATEST_ENTRY);
        self.drops.retain(|drop| {
            let is_old = has_ended(&drop) && drop.standing.put.is_some_and(|put| put < long_ago);
            let is_kept = too_many == 0 || !is_old;
            too_many -= usize::from(!is_kept);
            is_kept
        });
    }
}

/// The terminal, or what takes its place.
struct Display {
    screen: Option<Screen>,
    note: Option<String>,
}

impl Display {
    /// Takes note of why nothing can be seen. Where there is no picture, it is said once, until something is seen again.
    fn cannot_look(&mut self, why: String) {
        if self.screen.is_none() && self.note.is_none() {
            print_aside(&wrapped_to(columns(), why.split(' '), "").join("\n"));
        }
        self.note = Some(why);
    }
}

/// Prints a line for each drop that has changed.
fn say(drops: &mut [Followed]) -> Result<(), CliError> {
    for drop in drops {
        let line = line_of(&drop.standing);
        if drop.said != line {
            print_line(&line)?;
            drop.said = line;
        }
    }
    Ok(())
}

/// Where a drop stands, on one line.
fn line_of(standing: &Standing) -> String {
    let id: String = standing.found.drop_id.as_str().chars().take(ID_CHARS).collect();
    let progress = standing.status.as_ref().filter(|status| status.records.is_some());
    let progress = progress.map(|status| format!(", {} records", records(Some(status)))).unwrap_or_default();
    let why = explanation(standing).join(" ");
    let why = if why.is_empty() { why } else { format!(": {why}") };
    text::line(format!("{id} {}: {}{progress}{why}", standing.key, standing.state())).to_string()
}
