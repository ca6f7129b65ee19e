//! The facts that apply to one model, and what they say about a body. Pure.

use serde_json::Value;

use crate::model::facts::{Fact, Format, all_facts};
use crate::model::family::{Family, foundation_model};
use crate::model::fault::{Found, Job, is_there};

/// The largest body that is examined, in bytes: a parsed body can take many times its size in memory. Nothing is said
/// about a larger one.
pub const MAX_EXAMINED_BYTES: usize = 4 << 20;

/// What is certain to fail at one model.
#[derive(Debug, Clone)]
pub struct Rules {
    format: Format,
    job: Job,
    facts: Vec<&'static Fact>,
}

/// A reason for which the model must refuse a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFinding {
    /// Says which kind of fault it is, in kebab case. It does not change from release to release.
    pub code: &'static str,
    /// The place in the body, as in `messages.0.role`; empty for the body itself.
    pub at: String,
    /// A clause that says what is wrong. Text of the file in it is truncated and escaped.
    pub what: String,
    /// What to do about it.
    pub fix: &'static str,
    /// The page or thread that says that the model refuses this.
    pub source: &'static str,
}

impl Rules {
    /// Returns the rules for the records of a job, given the id of its model, that of an inference profile, or the ARN of
    /// either, and `InvokeModel` or `Converse`. `None` if nothing is known about the model's bodies.
    ///
    /// ```
    /// # use bedrock_vpc_batch::model::rules::Rules;
    /// let rules = Rules::of("us.anthropic.claude-haiku-4-5-20251001-v1:0", "InvokeModel").unwrap();
    /// let findings = rules.judge(r#"{"max_tokens":64,"messages":[{"role":"user","content":"Hi"}]}"#);
    /// assert_eq!(findings[0].code, "body-anthropic-version");
    /// assert!(Rules::of("abcdefghijkl", "InvokeModel").is_none());
    /// ```
    #[must_use]
    pub fn of(model_id: &str, model_invocation_type: &str) -> Option<Self> {
        let format = match model_invocation_type {
            "Converse" => Format::Converse,
            _ => Format::Native(Family::of(model_id)?),
        };
        let foundation_model = foundation_model(model_id);
        let is_one_of = |starts: &[&str]| {
            starts.is_empty() || starts.iter().any(|start| foundation_model.starts_with(start))
        };
        let facts: Vec<&Fact> =
            all_facts().filter(|fact| fact.formats.contains(&format) && is_one_of(fact.models)).collect();
        let job = Job {
            model_id: model_id.to_owned(),
            foundation_model: foundation_model.to_owned(),
            s3_prefixes: Vec::new(),
        };
        (!facts.is_empty()).then_some(Self { format, job, facts })
    }

    /// Returns the same rules for a batch role that may read the objects whose S3 URIs start with one of these texts.
    #[must_use]
    pub fn with_readable(mut self, s3_prefixes: impl IntoIterator<Item = String>) -> Self {
        self.job.s3_prefixes.extend(s3_prefixes);
        self
    }

    /// Returns the model as it is configured.
    #[must_use]
    pub fn model_id(&self) -> &str {
        &self.job.model_id
    }

    /// Returns whose bodies these rules are about: a family, or `Converse`.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        self.format.name()
    }

    /// Returns why the model must refuse a body, given as the JSON text of `modelInput`. The result is empty if nothing is
    /// certain. If the body is one of another model or service, that is all that is said about it.
    #[must_use]
    pub fn judge(&self, model_input: &str) -> Vec<RuleFinding> {
        if model_input.len() > MAX_EXAMINED_BYTES {
            return Vec::new();
        }
        let Ok(body @ Value::Object(_)) = serde_json::from_str::<Value>(model_input) else {
            return Vec::new();
        };
        let mut findings: Vec<RuleFinding> = Vec::new();
        for fact in &self.facts {
            if findings.iter().any(|finding| finding.code == fact.code) {
                continue;
            }
            if fact.unless.iter().any(|path| is_there(&body, path)) {
                continue;
            }
            if let Some(Found { at, what }) = fact.fault.find(&body, &self.job) {
                let Fact { code, fix, source, .. } = *fact;
                findings.push(RuleFinding { code, at, what, fix, source });
                if fact.is_all_there_is_to_say {
                    return findings.split_off(findings.len() - 1);
                }
            }
        }
        findings
    }
}
