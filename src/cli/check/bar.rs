//! The progress of a large file, on standard error, and only on a terminal.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

use crate::base::text;

/// A smaller file is checked before a person has seen a bar.
const LARGE_BYTES: u64 = 64 << 20;

/// The bar of a file. It appears once the file turns out to be large.
#[derive(Debug, Clone)]
pub(crate) struct Bar(ProgressBar);

/// Takes the bar away when it is dropped, however the reading ends.
#[derive(Debug)]
pub(crate) struct Cleared(ProgressBar);

impl Bar {
    /// Makes the bar of a file, whose size may be known.
    pub(crate) fn new(name: String, size_bytes: Option<u64>) -> Self {
        let is_shown = stderr().is_terminal() && size_bytes.is_none_or(|bytes| bytes >= LARGE_BYTES);
        if !is_shown {
            return Self(ProgressBar::hidden());
        }
        let (bar, template) = match size_bytes {
            Some(bytes) => (ProgressBar::new(bytes), "{prefix}  {wide_bar} {bytes}/{total_bytes}"),
            None => (ProgressBar::no_length(), "{prefix}  {spinner} {bytes}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        // Setting a prefix later would show the bar.
        Self(bar.with_style(style).with_prefix(text::name(name).to_string()))
    }

    /// Shows how many bytes have been read.
    pub(crate) fn set(&self, bytes: u64) {
        if self.0.length().is_some() || bytes >= LARGE_BYTES {
            self.0.set_position(bytes);
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }

    pub(crate) fn clear_on_drop(&self) -> Cleared {
        Cleared(self.0.clone())
    }
}

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
