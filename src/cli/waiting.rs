//! Says what a drop waits for.

use super::problems::wrapped;
use crate::ledger::job_state::Refusal;
use crate::ledger::status::Status;

/// What a drop waits for because Bedrock refuses its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// What `status.json` says, as a sentence.
    message: String,
    /// What Bedrock says, without what differs from call to call.
    refusal: String,
    is_for_now: bool,
}

impl Waiting {
    /// Returns what a drop in this status waits for; `None` if Bedrock refuses nothing.
    pub(super) fn of(status: &Status) -> Option<Self> {
        let Refusal { is_for_now, message } = status.refusal.as_ref()?;
        Some(Self { message: status.message.clone(), refusal: reason(message), is_for_now: *is_for_now })
    }

    /// Says it in rows of the screen, the first of which starts with a name.
    pub(super) fn describe(&self, name: &str, is_swept: bool) -> String {
        let Self { message, refusal, is_for_now } = self;
        let next = match (is_for_now, is_swept) {
            (true, _) => "This ends by itself: Bedrock is asked again",
            (false, true) => {
                "Bedrock is asked again every few seconds. If a setting is the cause, press Ctrl-C, correct it, and run \
                 the command again"
            }
            (false, false) => {
                "Bedrock is not asked again, because --sweep-ms is 0: press Ctrl-C, correct the cause, and run the command \
                 again"
            }
        };
        let rows = [format!("Bedrock says: {refusal}"), next.to_owned()];
        let rows = rows.iter().flat_map(|said| wrapped(said.split(' '), "  "));
        [format!("{name}: waits: {message}")].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
    }
}

/// Says on one line why a drop is not finished.
pub(super) fn describe_open(status: Option<&Status>) -> String {
    let Some(status) = status else { return "no function has seen it yet".to_owned() };
    let refusal = Waiting::of(status).map(|waiting| format!(" Bedrock says: {}", waiting.refusal));
    format!("{}{}", status.message, refusal.unwrap_or_default())
}

/// Leaves out what differs from call to call, which are the name of the job and the ids of the request: only what follows
/// `failed: ` is kept, and `InternalFailure (HTTP 500, request 1f)` becomes `InternalFailure (HTTP 500)`.
pub(super) fn reason(message: &str) -> String {
    let message = message.split_once(" failed: ").map_or(message, |(_, reason)| reason);
    let cut = message.split_once(", request ").and_then(|(before, rest)| {
        let (_, after) = rest.split_once(')')?;
        Some(format!("{before}){after}"))
    });
    cut.unwrap_or_else(|| message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refusal_of_another_request_is_the_same() {
        let said = |request: &str| {
            reason(&format!(
                "Bedrock Create job-1 failed: ValidationException (HTTP 400{request}): (no) role failed: x"
            ))
        };
        let expected = "ValidationException (HTTP 400): (no) role failed: x";
        for request in ["", ", request 9c22-1", ", request 4442 Uuag"] {
            assert_eq!(said(request), expected);
        }
        assert_eq!(reason("a, request b"), "a, request b");
    }

    #[test]
    fn what_is_retried_is_told_apart_from_what_needs_a_change() {
        let waiting = |is_for_now| Waiting { message: "M.".into(), refusal: "no\u{1b}".into(), is_for_now };
        let said = waiting(true).describe("a", true);
        assert_eq!(
            said,
            "a: waits: M.\n  Bedrock says: no\\u{1b}\n  This ends by itself: Bedrock is asked again"
        );
        let words = |is_swept| {
            waiting(false).describe("a", is_swept).split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert!(
            words(true).contains("If a setting is the cause, press Ctrl-C, correct it"),
            "{}",
            words(true)
        );
        assert!(words(false).contains("--sweep-ms is 0"), "{}", words(false));
    }
}
