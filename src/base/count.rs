//! Numbers of things, as a sentence has them. Pure.

use std::fmt;

/// Shows a number with its noun: "1 record", "2 records".
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a>(pub u64, pub &'a str);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "{count} {noun}{plural}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noun_agrees_with_the_number() {
        let shown = [0, 1, 2].map(|count| Counted(count, "record").to_string());
        assert_eq!(shown, ["0 records", "1 record", "2 records"]);
    }
}
