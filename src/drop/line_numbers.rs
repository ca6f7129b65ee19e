//! Finds the line of one of the last records again, though some lines have no record. Pure.

/// The line numbers of the last records, as many as there is room for.
///
/// In most drops, every line has a record, and nothing is kept.
#[derive(Debug)]
pub(super) struct LineNumbers {
    /// How many records are remembered.
    most: usize,
    /// How many lines without a record there were.
    skipped: u64,
    /// For each of the last records, how many there were before it; a ring, which is empty until there is one.
    skipped_before: Vec<u64>,
}

impl LineNumbers {
    /// Makes an empty memory for the last `records` records.
    pub(super) fn new(records: u64) -> Self {
        let most = usize::try_from(records.max(1)).unwrap_or(usize::MAX);
        Self { most, skipped: 0, skipped_before: Vec::new() }
    }

    /// Counts lines without a record.
    #[cold]
    pub(super) fn skip(&mut self, lines: u64) {
        self.skipped += lines;
    }

    /// Returns the number of a record, counted from 1, that is on this line.
    #[inline]
    pub(super) fn record_on(&mut self, line: u64) -> u64 {
        let record = line - self.skipped;
        if self.skipped > 0 {
            self.remember(record);
        }
        record
    }

    #[cold]
    fn remember(&mut self, record: u64) {
        if self.skipped_before.is_empty() {
            self.skipped_before = vec![0; self.most];
        }
        let slot = self.slot(record);
        if let Some(skipped_before) = self.skipped_before.get_mut(slot) {
            *skipped_before = self.skipped;
        }
    }

    /// Returns the line of one of the last records.
    pub(super) fn line_of(&self, record: u64) -> u64 {
        record + self.skipped_before.get(self.slot(record)).copied().unwrap_or_default()
    }

    fn slot(&self, record: u64) -> usize {
        usize::try_from(record % self.most as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_a_recent_record_is_found_again() {
        let mut numbers = LineNumbers::new(4);
        let mut lines = Vec::new();
        for line in 1..=40_u64 {
            if line > 5 && line % 3 == 0 {
                numbers.skip(1);
                continue;
            }
            let record = numbers.record_on(line);
            lines.push(line);
            assert_eq!(record, lines.len() as u64);
            for (record, line) in (1_u64..).zip(lines.clone()).collect::<Vec<_>>().into_iter().rev().take(4) {
                assert_eq!(numbers.line_of(record), line);
            }
        }
    }

    #[test]
    fn nothing_is_kept_while_every_line_has_a_record() {
        let mut numbers = LineNumbers::new(1_000_000);
        assert_eq!([1, 2, 3].map(|line| numbers.record_on(line)), [1, 2, 3]);
        assert_eq!((numbers.line_of(2), numbers.skipped_before.capacity()), (2, 0));
    }
}
