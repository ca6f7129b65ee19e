//! What a person sees while drops are being processed: bars on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::io::{IsTerminal, stdout};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::error::CliError;
use super::output::print_line;
use crate::base::text;

/// The display of all drops. A failed write is an error: either nobody reads the output, or the user must be
/// told.
#[derive(Debug)]
pub(super) struct Progress {
    bars: Option<MultiProgress>,
    drops: HashMap<String, Shown>,
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
        // Bars are drawn on standard error, and not on terminals that cannot move their cursor.
        let bars = bars.filter(|bars| !bars.is_hidden());
        Self { bars, drops: HashMap::new() }
    }

    /// Shows a drop that was put.
    pub(super) fn start(&mut self, drop_id: &str, name: &str) -> Result<(), CliError> {
        let name = text::line(name).to_string();
        let bar = self.bars.as_ref().map(|bars| {
            // It is drawn when it is added, so it needs its style before that.
            let bar = ProgressBar::new(0).with_prefix(text::name(&name).to_string());
            show(&bar, "Reading", 0, 0);
            let bar = bars.add(bar);
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        if bar.is_none() {
            self.note(&format!("{name}: dropped"))?;
        }
        let shown = Shown { name, bar, status: String::new() };
        self.drops.insert(drop_id.to_owned(), shown);
        Ok(())
    }

    /// Shows the status and the progress of a drop's job.
    pub(super) fn job(
        &mut self,
        drop_id: &str,
        status: &str,
        processed: u64,
        total: u64,
    ) -> Result<(), CliError> {
        let Some(shown) = self.drops.get_mut(drop_id) else { return Ok(()) };
        match &shown.bar {
            Some(bar) => show(bar, status, processed, total),
            None if shown.status != status => print_line(&format!("{}: job {status}", shown.name))?,
            None => {}
        }
        status.clone_into(&mut shown.status);
        Ok(())
    }

    /// Shows on a drop's bar that it waits.
    pub(super) fn waits(&self, drop_id: &str) {
        if let Some(bar) = self.drops.get(drop_id).and_then(|shown| shown.bar.as_ref()) {
            show(bar, "Waiting", 0, 0);
        }
    }

    /// Takes a drop's bar away, and prints how it ended.
    pub(super) fn end(&mut self, drop_id: &str, text: &str) -> Result<(), CliError> {
        if let Some(bar) = self.drops.remove(drop_id).and_then(|shown| shown.bar) {
            bar.finish_and_clear();
        }
        self.note(text)
    }

    /// Prints lines above the bars.
    pub(super) fn note(&self, text: &str) -> Result<(), CliError> {
        match &self.bars {
            Some(bars) => bars.suspend(|| print_line(text)),
            None => print_line(text),
        }
    }

    /// Takes all bars away.
    pub(super) fn finish(&mut self) {
        for shown in self.drops.drain() {
            if let Some(bar) = shown.1.bar {
                bar.finish_and_clear();
            }
        }
    }
}

/// Shows a drop. Its bar appears once the total is known, because a bar of length 0 would look full.
fn show(bar: &ProgressBar, message: &str, processed: u64, total: u64) {
    let is_measured = bar.length().is_some_and(|length| length > 0);
    if total == 0 || !is_measured {
        let template = match total {
            0 => "{spinner} {prefix}  {msg:18}",
            _ => "{spinner} {prefix}  {msg:18} {wide_bar} {pos}/{len}",
        };
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
    }
    bar.set_length(total);
    bar.set_position(processed);
    bar.set_message(message.to_owned());
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// A terminal that keeps what is written to it.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            60
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().clear();
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bar_is_shown_when_there_is_something_to_measure() {
        let screen = Screen::default();
        let shown = |message: &str, processed, total| {
            // This one draws immediately, unlike the terminal's.
            let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255);
            let bar = ProgressBar::with_draw_target(Some(0), target);
            bar.set_prefix("x.jsonl");
            show(&bar, "Reading", 0, 0);
            show(&bar, message, processed, total);
            screen.0.lock().unwrap().clear();
            bar.tick();
            bar.force_draw();
            screen.0.lock().unwrap().clone()
        };
        let text = shown("Submitted", 0, 0);
        assert!(text.contains("x.jsonl") && text.contains("Submitted"), "{text:?}");
        assert!(!text.contains('\u{2588}') && !text.contains("0/0"), "{text:?}");
        let text = shown("InProgress", 50, 100);
        assert!(
            text.contains("InProgress") && text.contains('\u{2588}') && text.contains("50/100"),
            "{text:?}"
        );
    }
}
