//! JSON that is taken apart one level at a time, so that what is not converted keeps its exact text. Pure.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in their order, each with the exact text of its value.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(String, &'a str)>);

impl<'a> Members<'a> {
    /// Reads an object. The error says what is wrong, and quotes at most the name of a member.
    pub(crate) fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Returns a member's value. A `null` counts as a member that is not there, as in the APIs that are read.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(known, value)| *known == name && *value != "null").map(|(_, value)| value)
    }
}

/// What only the command line needs.
#[cfg(feature = "local")]
impl<'a> Members<'a> {
    /// Returns the same members under other names.
    pub(crate) fn renamed(self, rename: impl Fn(&str) -> String) -> Self {
        Self(self.0.into_iter().map(|(name, value)| (rename(&name), value)).collect())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &str)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        let name = crate::base::text::name(&name).to_string();
                        return Err(A::Error::custom(format!("duplicate member `{name}`")));
                    }
                    members.push((name, map.next_value::<&RawValue>()?.get()));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// Returns the elements of an array, and `None` if it is not one.
pub(crate) fn array(json: &str) -> Option<Vec<&str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// Returns the text of a string, and `None` if it is not one. Text without escapes is not copied.
pub(crate) fn string(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inside))
    }
}

/// Returns where `part`, a slice of `text`, starts in it.
pub(crate) fn offset_in(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text() {
        let json = r#"{"a": 1e400, "b" : [1.0, {"c":  2}], "é\n": "x\u0041", "n": null}"#;
        let members = Members::parse(json).unwrap();
        let all: Vec<_> = members.iter().collect();
        assert_eq!(
            all,
            [("a", "1e400"), ("b", r#"[1.0, {"c":  2}]"#), ("é\n", r#""x\u0041""#), ("n", "null")]
        );
        assert_eq!(members.get("n"), None);
        assert_eq!(array(members.get("b").unwrap()).unwrap(), ["1.0", r#"{"c":  2}"#]);
        assert_eq!(string(members.get("é\n").unwrap()).unwrap(), "xA");
        assert_eq!((string("1"), array("{}").is_none()), (None, true));
    }

    #[test]
    fn duplicates_and_other_values_are_refused() {
        for (json, expected) in
            [(r#"{"a":1,"\u0061":2}"#, "duplicate member `a`"), ("[]", "expected an object"), ("{", "EOF")]
        {
            let error = Members::parse(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
