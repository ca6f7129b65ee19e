//! What a person sees while drops are under way: bars on a terminal, plain lines elsewhere.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{IsTerminal, stdout};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::text;

/// The display of all drops.
#[derive(Debug)]
pub(super) struct Progress {
    bars: Option<MultiProgress>,
    drops: RefCell<HashMap<String, Shown>>,
}

#[derive(Debug)]
struct Shown {
    name: String,
    bar: Option<ProgressBar>,
    status: String,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bars = stdout().is_terminal().then(MultiProgress::new);
        Self { bars, drops: RefCell::default() }
    }

    /// A drop has been put.
    pub(super) fn start(&self, drop_id: &str, name: &str) {
        let name = text::line(name).to_string();
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(0));
            let style = ProgressStyle::with_template("{spinner} {prefix}  {msg:18} {wide_bar} {pos}/{len}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(text::name(&name).to_string());
            bar.set_message("Reading");
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        if bar.is_none() {
            self.note(&format!("{name}: dropped"));
        }
        let shown = Shown { name, bar, status: String::new() };
        self.drops.borrow_mut().insert(drop_id.to_owned(), shown);
    }

    /// A drop's job has come to this.
    pub(super) fn job(&self, drop_id: &str, status: &str, processed: u64, total: u64) {
        let mut drops = self.drops.borrow_mut();
        let Some(shown) = drops.get_mut(drop_id) else { return };
        match &shown.bar {
            Some(bar) => {
                bar.set_length(total);
                bar.set_position(processed);
                bar.set_message(status.to_owned());
            }
            None if shown.status != status => print_line(&format!("{}: job {status}", shown.name)),
            None => {}
        }
        status.clone_into(&mut shown.status);
    }

    /// A drop is done.
    pub(super) fn end(&self, drop_id: &str, text: &str) {
        if let Some(bar) = self.drops.borrow_mut().remove(drop_id).and_then(|shown| shown.bar) {
            bar.finish_and_clear();
        }
        self.note(text);
    }

    /// Something to be read, above the bars.
    pub(super) fn note(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| print_line(text)),
            None => print_line(text),
        }
    }

    /// Takes the bars away.
    pub(super) fn finish(&self) {
        for shown in self.drops.borrow_mut().drain() {
            if let Some(bar) = shown.1.bar {
                bar.finish_and_clear();
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the command line talks to a person")]
fn print_line(text: &str) {
    println!("{}", text::lines(text));
}
