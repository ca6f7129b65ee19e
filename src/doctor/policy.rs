//! What the policy of a resource (an endpoint, a bucket, a key, or the trust of a role) says about a request.
//! Pure.
//!
//! IAM's simulation does not support the policies of resources if the principal is a role:
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html> (read 2026-11). This module
//! evaluates them, as far as such policies usually go. It never guesses: if it cannot decide, it says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wildmatch::WildMatch;

use crate::base::arn::Arn;

/// A request, as a policy sees it.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    /// Who makes the request.
    pub(super) principal: Principal<'a>,
    /// The action, such as `s3:GetObject`.
    pub(super) action: &'a str,
    /// The ARN of the resource.
    pub(super) resource: &'a str,
    /// What else is known about it.
    pub(super) context: &'a Context,
}

/// Who makes a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Principal<'a> {
    /// A role, by its ARN.
    Role(&'a str),
    /// An AWS service, such as `bedrock.amazonaws.com`.
    Service(&'a str),
}

/// The condition keys whose values are known. A key without values is known to be absent from the request.
#[derive(Debug, Clone, Default)]
pub(super) struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    pub(super) fn new<K: AsRef<str>, V: Into<String>>(keys: impl IntoIterator<Item = (K, Vec<V>)>) -> Self {
        let keys = keys.into_iter();
        Self(
            keys.map(|(key, values)| {
                (key.as_ref().to_lowercase(), values.into_iter().map(Into::into).collect())
            })
            .collect(),
        )
    }

    fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_lowercase()).map(Vec::as_slice)
    }
}

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A statement allows it, and none denies it.
    Allowed,
    /// This statement denies it.
    Denied(String),
    /// No statement allows it, and none denies it.
    NotAllowed,
    /// It depends on this statement, which depends on something that is not known here.
    Unsure(String),
}

/// Evaluates a policy for a request.
pub(super) fn evaluate(policy: &Value, request: &Request<'_>) -> Verdict {
    let mut is_allowed = false;
    let mut unsure = None;
    for (number, statement) in items(policy.get("Statement")).iter().enumerate() {
        let name = name_of(statement, number);
        let is_deny = statement.get("Effect").and_then(Value::as_str) == Some("Deny");
        match applies(statement, request) {
            Some(true) if is_deny => return Verdict::Denied(name),
            Some(true) => is_allowed = true,
            Some(false) => {}
            None => unsure = unsure.filter(|(_, is_deny)| *is_deny).or(Some((name, is_deny))),
        }
    }
    match unsure {
        Some((name, is_deny)) if is_deny || !is_allowed => Verdict::Unsure(name),
        _ if is_allowed => Verdict::Allowed,
        _ => Verdict::NotAllowed,
    }
}

/// The name of a statement, and every value with which its conditions compare this key.
pub(super) fn values_of(policy: &Value, key: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (number, statement) in items(policy.get("Statement")).iter().enumerate() {
        for (_, name, wanted) in conditions(statement) {
            if name.eq_ignore_ascii_case(key) {
                let of_statement = values.entry(name_of(statement, number)).or_default();
                of_statement.extend(wanted.into_iter().map(ToOwned::to_owned));
            }
        }
    }
    values
}

fn name_of(statement: &Value, number: usize) -> String {
    let sid = statement.get("Sid").and_then(Value::as_str);
    sid.map_or_else(|| format!("statement {}", number + 1), ToOwned::to_owned)
}

/// Whether a statement applies to a request. `None` if that depends on something that is not known here.
fn applies(statement: &Value, request: &Request<'_>) -> Option<bool> {
    let action = |pattern: &str| is_like(&pattern.to_lowercase(), &request.action.to_lowercase());
    let resource = |pattern: &str| is_like(pattern, request.resource);
    let mut is_certain = true;
    let parts = [
        is_principal(statement, request.principal),
        listed(statement, "Action", "NotAction", action),
        listed(statement, "Resource", "NotResource", resource),
    ];
    let conditions = conditions(statement).into_iter();
    let conditions =
        conditions.map(|(operator, key, wanted)| is_met(operator, key, &wanted, request.context));
    for part in parts.into_iter().chain(conditions) {
        match part {
            Some(true) => {}
            Some(false) => return Some(false),
            None => is_certain = false,
        }
    }
    is_certain.then_some(true)
}

fn is_principal(statement: &Value, principal: Principal<'_>) -> Option<bool> {
    let Some(named) = statement.get("Principal") else {
        return if statement.get("NotPrincipal").is_some() { None } else { Some(true) };
    };
    if named.as_str() == Some("*") {
        return Some(true);
    }
    let texts = |kind| texts(named.get(kind));
    Some(match principal {
        Principal::Service(service) => texts("Service").contains(&service),
        Principal::Role(arn) => {
            let account = Arn::parse(arn).map_or("", Arn::account);
            let root = format!(":iam::{account}:root");
            texts("AWS").iter().any(|text| ["*", arn, account].contains(text) || text.ends_with(&root))
        }
    })
}

/// Whether a statement's list matches. A statement has at most one of the two lists; a trust policy has no
/// resource.
fn listed(statement: &Value, is: &str, is_not: &str, matches: impl Fn(&str) -> bool) -> Option<bool> {
    let (list, expected) = match (statement.get(is), statement.get(is_not)) {
        (Some(list), _) => (list, true),
        (None, Some(list)) => (list, false),
        (None, None) => return Some(true),
    };
    let patterns = texts(Some(list));
    if patterns.iter().any(|pattern| pattern.contains("${")) {
        return None;
    }
    Some(patterns.into_iter().any(matches) == expected)
}

/// The operator, key, and values of each condition.
fn conditions(statement: &Value) -> Vec<(&str, &str, Vec<&str>)> {
    let operators = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
    operators
        .flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, wanted)| (operator.as_str(), key.as_str(), texts(Some(wanted))))
        })
        .collect()
}

/// Whether a condition is met. `None` if that depends on something that is not known here.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
fn is_met(operator: &str, key: &str, wanted: &[&str], context: &Context) -> Option<bool> {
    let actual = context.get(key)?;
    if wanted.iter().any(|value| value.contains("${")) {
        return None;
    }
    let (is_for_all, operator) =
        operator.strip_prefix("ForAllValues:").map_or((false, operator), |rest| (true, rest));
    let (is_for_any, operator) =
        operator.strip_prefix("ForAnyValue:").map_or((false, operator), |rest| (true, rest));
    let (if_exists, operator) =
        operator.strip_suffix("IfExists").map_or((false, operator), |rest| (true, rest));
    let (is_equal, is_negated): (fn(&str, &str) -> bool, bool) = match operator {
        "Null" => return Some(wanted.contains(&"true") == actual.is_empty()),
        "StringEquals" => (str::eq, false),
        "StringNotEquals" => (str::eq, true),
        "StringEqualsIgnoreCase" | "Bool" => (str::eq_ignore_ascii_case, false),
        "StringNotEqualsIgnoreCase" => (str::eq_ignore_ascii_case, true),
        "StringLike" | "ArnEquals" | "ArnLike" => (is_like, false),
        "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => (is_like, true),
        _ => return None,
    };
    if actual.is_empty() {
        return Some(if_exists || is_for_all || (is_negated && !is_for_any));
    }
    let mut met = actual.iter().map(|value| wanted.iter().any(|one| is_equal(one, value)) != is_negated);
    Some(if is_for_all { met.all(|is_met| is_met) } else { met.any(|is_met| is_met) })
}

/// Matches `*` with any number of characters, and `?` with exactly one. Case matters, and a wildcard cannot
/// be escaped.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html> (read 2026-11)
fn is_like(pattern: &str, text: &str) -> bool {
    WildMatch::new(pattern).matches(text)
}

/// The items of a list. Policies may leave out the brackets around a single item.
fn items(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(item) => vec![item],
        None => Vec::new(),
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    let text = |item: &'_ Value| match item {
        Value::Bool(true) => Some("true"),
        Value::Bool(false) => Some("false"),
        _ => None,
    };
    items(value).into_iter().filter_map(|item| item.as_str().or_else(|| text(item))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/job";

    fn evaluated(statement: Value, context: &[(&str, &[&str])]) -> Verdict {
        let context = Context::new(context.iter().map(|(key, values)| (*key, values.to_vec())));
        let request = Request {
            principal: Principal::Role(ROLE),
            action: "s3:PutObject",
            resource: "arn:aws:s3:::out/work/a/output/x",
            context: &context,
        };
        evaluate(&json!({"Statement": statement}), &request)
    }

    fn allow(changes: Value) -> Value {
        let mut statement = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"});
        statement.as_object_mut().unwrap().append(&mut changes.as_object().unwrap().clone());
        statement
    }

    #[test]
    fn statement_applies_by_principal_action_and_resource() {
        let table = [
            (json!({}), true),
            (json!({"Principal": {"AWS": "*"}}), true),
            (json!({"Principal": {"AWS": [ROLE]}}), true),
            (json!({"Principal": {"AWS": "123456789012"}}), true),
            (json!({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}), true),
            (json!({"Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}}), false),
            (json!({"Principal": {"Service": "bedrock.amazonaws.com"}}), false),
            (json!({"Action": ["s3:GetObject", "s3:put*"]}), true),
            (json!({"Action": "s3:GetObject"}), false),
            (json!({"Resource": "arn:aws:s3:::out/work/*/output/?"}), true),
            (json!({"Resource": "arn:aws:s3:::out/work/*/input/*"}), false),
        ];
        for (changes, is_allowed) in table {
            let expected = if is_allowed { Verdict::Allowed } else { Verdict::NotAllowed };
            assert_eq!(evaluated(allow(changes.clone()), &[]), expected, "{changes}");
        }
        let not_get =
            json!({"Effect": "Allow", "NotAction": "s3:Get*", "NotResource": ["arn:aws:s3:::in/*"]});
        assert_eq!(evaluated(not_get, &[]), Verdict::Allowed);
    }

    #[test]
    fn conditions_are_met_by_what_is_known() {
        let table = [
            (json!({"StringEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}), Some(true)),
            (json!({"StringEquals": {"aws:sourcevpce": "vpce-2"}}), Some(false)),
            (json!({"StringNotEquals": {"aws:SourceVpce": "vpce-2"}}), Some(true)),
            (json!({"StringNotEquals": {"aws:SourceVpce": ["vpce-2", "vpce-1"]}}), Some(false)),
            (json!({"StringLike": {"aws:SourceVpce": "vpce-*"}}), Some(true)),
            (json!({"ArnNotLike": {"aws:PrincipalArn": "arn:*:role/job"}}), Some(false)),
            (json!({"Bool": {"aws:SecureTransport": "false"}}), Some(false)),
            (json!({"Bool": {"aws:SecureTransport": true}}), Some(true)),
            (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}), Some(true)),
            (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}), Some(false)),
            (json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}), Some(true)),
            (json!({"Null": {"aws:SourceIp": "true"}}), Some(true)),
            (json!({"Null": {"aws:SourceVpce": "true"}}), Some(false)),
            (json!({"StringEquals": {"aws:SourceIp": "1.2.3.4"}}), Some(false)),
            (json!({"StringEqualsIfExists": {"aws:SourceIp": "1.2.3.4"}}), Some(true)),
            (json!({"StringNotEquals": {"aws:SourceIp": "1.2.3.4"}}), Some(true)),
            (json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), None),
            (json!({"StringEquals": {"aws:SourceVpce": "${aws:username}"}}), None),
            (json!({"IpAddress": {"aws:SourceVpce": "10.0.0.0/8"}}), None),
            (json!({"StringEquals": {"aws:PrincipalOrgID": "o-1", "aws:SourceVpce": "vpce-2"}}), Some(false)),
        ];
        let known: &[(&str, &[&str])] = &[
            ("aws:SourceVpce", &["vpce-1"]),
            ("aws:PrincipalArn", &[ROLE]),
            ("aws:SecureTransport", &["true"]),
            ("aws:TagKeys", &["a", "b"]),
            ("aws:SourceIp", &[]),
        ];
        for (condition, is_met) in table {
            let expected = match is_met {
                Some(true) => Verdict::Allowed,
                Some(false) => Verdict::NotAllowed,
                None => Verdict::Unsure("statement 1".into()),
            };
            assert_eq!(evaluated(allow(json!({"Condition": condition})), known), expected, "{condition}");
        }
    }

    #[test]
    fn wildcards_are_those_of_iam() {
        let table = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "a/b", true),
            ("?", "", false),
            ("?", "é", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*c", "ac", true),
            ("a*c", "abcabc", true),
            ("a*c", "abcab", false),
            ("*b?", "abbc", true),
            ("A*", "abc", false),
            (r"a\*", "ab", false),
            (r"a\*", r"a\b", true),
            // The resource of a question may have a wildcard of its own, which is then a plain character.
            ("subnet/*", "subnet/*", true),
            ("subnet/a", "subnet/*", false),
        ];
        for (pattern, text, is_match) in table {
            assert_eq!(is_like(pattern, text), is_match, "{pattern} {text}");
        }
    }

    /// A matcher that tries every way to divide the text among the wildcards would not end in years.
    #[test]
    fn many_wildcards_take_no_longer() {
        let pattern = "a*".repeat(100);
        let text = "a".repeat(2_000);
        assert!(is_like(&pattern, &text));
        assert!(!is_like(&format!("{pattern}b"), &text));
    }

    #[test]
    fn denial_wins_and_what_is_unsure_stays_unsure() {
        let deny = |sid: &str, condition: Value| {
            let mut statement = allow(json!({"Sid": sid, "Condition": condition}));
            statement["Effect"] = json!("Deny");
            statement
        };
        let known: &[(&str, &[&str])] = &[("a", &["1"])];
        let yes = json!({"StringEquals": {"a": "1"}});
        let unknown = json!({"StringEquals": {"b": "1"}});
        let table = [
            (json!([allow(json!({})), deny("No", yes.clone())]), Verdict::Denied("No".into())),
            (json!([allow(json!({})), deny("Maybe", unknown.clone())]), Verdict::Unsure("Maybe".into())),
            (
                json!([deny("Maybe", unknown.clone()), allow(json!({"Condition": unknown}))]),
                Verdict::Unsure("Maybe".into()),
            ),
            (json!([allow(json!({"Condition": unknown})), allow(json!({}))]), Verdict::Allowed),
            (json!([deny("Maybe", unknown), deny("No", yes)]), Verdict::Denied("No".into())),
            (json!([]), Verdict::NotAllowed),
        ];
        for (statements, expected) in table {
            assert_eq!(evaluated(statements.clone(), known), expected, "{statements}");
        }
    }

    #[test]
    fn values_of_a_key_are_found_by_statement() {
        let condition = json!({"StringNotEquals": {"aws:sourceVpce": ["vpce-2", "vpce-1"]}});
        let policy = json!({"Statement": [allow(json!({"Condition": condition})), allow(json!({}))]});
        let values = ["vpce-1", "vpce-2"].map(String::from);
        let expected = BTreeMap::from([("statement 1".to_owned(), BTreeSet::from(values))]);
        assert_eq!(values_of(&policy, "aws:SourceVpce"), expected);
    }
}
