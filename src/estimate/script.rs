//! The classes of characters that tokenizers treat alike. Pure.

/// How many classes there are.
pub const CLASSES: usize = 17;

/// How many characters of each class a text has. `tools/tokens/fit.mjs` counts in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Runs of ASCII letters; a capital after a small letter starts another one, as in `camelCase`.
    pub words: u64,
    /// ASCII letters of a word after its fifth.
    pub long: u64,
    /// ASCII digits.
    pub digits: u64,
    /// ASCII punctuation, and control characters.
    pub punctuation: u64,
    /// ASCII punctuation after two of the same, as in a rule of dashes.
    pub repeated: u64,
    /// Newlines.
    pub lines: u64,
    /// Runs of spaces and tabs that have at least two of them, or are at the start of a line.
    pub spaces: u64,
    /// Latin letters beyond ASCII.
    pub latin: u64,
    /// Cyrillic letters.
    pub cyrillic: u64,
    /// Greek letters.
    pub greek: u64,
    /// Hebrew and Arabic letters.
    pub right_to_left: u64,
    /// Han characters.
    pub han: u64,
    /// Hiragana and Katakana.
    pub kana: u64,
    /// Hangul.
    pub hangul: u64,
    /// Typographic and full-width punctuation.
    pub wide: u64,
    /// All others, such as Indic and Thai letters, and emoji.
    pub other: u64,
    /// ASCII letters.
    pub letters: u64,
}

/// With this share of Latin letters beyond ASCII, or more, a text counts as one in another language than English: one in 80.
const FOREIGN_ONE_IN: u64 = 80;

impl Counts {
    /// Adds the characters of a text.
    pub fn add(&mut self, text: &str) {
        let (mut run, mut before, mut last) = (0_u32, '\0', '\0');
        let mut spaces = 0_u32;
        for c in text.chars() {
            match c {
                'a'..='z' | 'A'..='Z' => {
                    if run == 0 || (c.is_ascii_uppercase() && last.is_ascii_lowercase()) {
                        self.words += 1;
                        run = 0;
                    }
                    run += 1;
                    self.letters += 1;
                    self.long += u64::from(run > 5);
                }
                '\u{c0}'..='\u{24f}' => {
                    self.latin += 1;
                    run += u32::from(run > 0);
                }
                _ => {
                    run = 0;
                    self.add_other(c, [before, last], spaces);
                }
            }
            // A newline and the spaces after it are one run.
            spaces = match c {
                ' ' | '\t' if spaces == 0 && last == '\n' => 2,
                ' ' | '\t' => spaces.saturating_add(1),
                _ => 0,
            };
            (before, last) = (last, c);
        }
    }

    fn add_other(&mut self, c: char, before: [char; 2], spaces: u32) {
        let count = match c {
            ' ' | '\t' if spaces == 1 || (spaces == 0 && before[1] == '\n') => &mut self.spaces,
            ' ' | '\t' => return,
            '\n' => &mut self.lines,
            '0'..='9' => &mut self.digits,
            ..'\u{c0}' if before == [c; 2] => &mut self.repeated,
            ..'\u{c0}' => &mut self.punctuation,
            '\u{370}'..='\u{3ff}' => &mut self.greek,
            '\u{400}'..='\u{52f}' => &mut self.cyrillic,
            '\u{590}'..='\u{77f}' => &mut self.right_to_left,
            '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' => &mut self.wide,
            '\u{3040}'..='\u{30ff}' => &mut self.kana,
            '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{31fff}' => &mut self.han,
            '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' => &mut self.hangul,
            _ => &mut self.other,
        };
        *count += 1;
    }

    /// Returns how many ASCII letters are in a text of another language than English; a fraction of them if the text has few
    /// letters that say so. Their words are rarer in the vocabularies of tokenizers.
    #[must_use]
    pub fn foreign(&self) -> f64 {
        let letters = float(self.letters);
        let share = float(FOREIGN_ONE_IN * self.latin) / float((self.letters + self.latin).max(1));
        letters * share.min(1.0)
    }

    /// Returns the counts in the order of the weights.
    #[must_use]
    pub fn in_order(&self) -> [f64; CLASSES] {
        let Self { words, long, digits, punctuation, repeated, lines, spaces, latin, cyrillic, .. } = *self;
        let Self { greek, right_to_left, han, kana, hangul, wide, other, .. } = *self;
        let [words, long, digits, punctuation, repeated, lines, spaces] =
            [words, long, digits, punctuation, repeated, lines, spaces].map(float);
        let [latin, cyrillic, greek, right_to_left, han, kana, hangul, wide, other] =
            [latin, cyrillic, greek, right_to_left, han, kana, hangul, wide, other].map(float);
        [
            words,
            long,
            self.foreign(),
            digits,
            punctuation,
            repeated,
            lines,
            spaces,
            latin,
            cyrillic,
            greek,
            right_to_left,
            han,
            kana,
            hangul,
            wide,
            other,
        ]
    }
}

/// Converts a count. Counts are far below 2⁵³, up to which this is exact.
#[expect(clippy::cast_precision_loss, reason = "an estimate has two digits")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_has_a_class() {
        let mut counts = Counts::default();
        counts.add("camelCase understanding");
        let expected = Counts { words: 3, long: 8, letters: 22, ..Counts::default() };
        assert_eq!(counts, expected);
        let mut counts = Counts::default();
        counts.add("Größe 42,5\n \t  x    y-----\n  Да Ωמש漢かア한“。🔑ก");
        let expected = Counts {
            words: 3,
            letters: 5,
            latin: 2,
            digits: 3,
            punctuation: 3,
            repeated: 3,
            lines: 2,
            spaces: 3,
            cyrillic: 2,
            greek: 1,
            right_to_left: 2,
            han: 1,
            kana: 2,
            hangul: 1,
            wide: 2,
            other: 2,
            long: 0,
        };
        assert_eq!(counts, expected);
    }

    #[test]
    fn language_follows_from_the_share_of_diacritics() {
        let foreign = |letters, latin| Counts { letters, latin, ..Counts::default() }.foreign();
        assert_eq!((foreign(1_000, 0), foreign(980, 20), foreign(0, 0)), (0.0, 980.0, 0.0));
        let half = foreign(1_590, 10);
        assert!((half - 795.0).abs() < 1.0, "{half}");
    }
}
