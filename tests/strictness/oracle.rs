//! What a record is, written down once more: slow, plain, character by character along RFC 8259. It shares
//! nothing with what it judges.

/// A JSON value, as far as a verdict needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Object(Vec<(String, Json)>),
    Text(String),
    Other,
}

/// Whether a line is a record, and then its id.
pub(crate) fn record(line: &[u8]) -> Option<Option<String>> {
    let Json::Object(members) = json(line, 128)? else { return None };
    let (mut record_id, mut has_input) = (None, false);
    for (key, value) in members {
        match (key.as_str(), value) {
            ("recordId", Json::Text(id)) if record_id.is_none() && !id.is_empty() => record_id = Some(id),
            ("modelInput", Json::Object(_)) if !has_input => has_input = true,
            _ => return None,
        }
    }
    has_input.then_some(record_id)
}

/// The value that a line is, unless it nests deeper than `depth` levels.
pub(crate) fn json(line: &[u8], depth: usize) -> Option<Json> {
    let chars: Vec<char> = std::str::from_utf8(line).ok()?.chars().collect();
    let mut parser = Parser { chars, at: 0 };
    parser.space();
    let value = parser.value(depth)?;
    parser.space();
    (parser.at == parser.chars.len()).then_some(value)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.chars.get(self.at - 1).copied()
    }

    fn next_if(&mut self, is: impl Fn(char) -> bool) -> bool {
        let found = self.peek().is_some_and(is);
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while self.next_if(|c| [' ', '\t', '\r', '\n'].contains(&c)) {}
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        match self.peek()? {
            '{' => self.object(depth.checked_sub(1)?).map(Json::Object),
            '[' => self.array(depth.checked_sub(1)?),
            '"' => self.text().map(Json::Text),
            't' => self.word("true"),
            'f' => self.word("false"),
            'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Vec<(String, Json)>> {
        let mut members = Vec::new();
        self.next();
        self.space();
        if self.next_if(|c| c == '}') {
            return Some(members);
        }
        loop {
            self.space();
            let key = self.text()?;
            self.space();
            if self.next()? != ':' {
                return None;
            }
            self.space();
            members.push((key, self.value(depth)?));
            self.space();
            match self.next()? {
                ',' => {}
                '}' => return Some(members),
                _ => return None,
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.next();
        self.space();
        if self.next_if(|c| c == ']') {
            return Some(Json::Other);
        }
        loop {
            self.space();
            self.value(depth)?;
            self.space();
            match self.next()? {
                ',' => {}
                ']' => return Some(Json::Other),
                _ => return None,
            }
        }
    }

    /// Collected as UTF-16, in which half of a surrogate pair is an error by itself.
    fn text(&mut self) -> Option<String> {
        if self.next()? != '"' {
            return None;
        }
        let mut units: Vec<u16> = Vec::new();
        loop {
            match self.next()? {
                '"' => return String::from_utf16(&units).ok(),
                '\\' => match self.next()? {
                    'u' => {
                        let mut unit = 0;
                        for _ in 0..4 {
                            unit = unit * 16 + self.next()?.to_digit(16)?;
                        }
                        units.push(unit.try_into().ok()?);
                    }
                    c @ ('"' | '\\' | '/') => units.push(c as u16),
                    'b' => units.push(8),
                    'f' => units.push(12),
                    'n' => units.push(10),
                    'r' => units.push(13),
                    't' => units.push(9),
                    _ => return None,
                },
                '\0'..='\x1f' => return None,
                c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<Json> {
        word.chars().all(|c| self.next() == Some(c)).then_some(Json::Other)
    }

    fn number(&mut self) -> Option<Json> {
        self.next_if(|c| c == '-');
        if !self.next_if(|c| c == '0') {
            self.digits()?;
        }
        if self.next_if(|c| c == '.') {
            self.digits()?;
        }
        if self.next_if(|c| c == 'e' || c == 'E') {
            self.next_if(|c| c == '+' || c == '-');
            self.digits()?;
        }
        Some(Json::Other)
    }

    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while self.next_if(|c| c.is_ascii_digit()) {}
        (self.at > begin).then_some(())
    }
}
