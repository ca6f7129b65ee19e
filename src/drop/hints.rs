//! The keys of hints, which say which jobs wait, by model and by route. Pure.

use crate::base::arn;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::{JobId, RouteId};

/// The prefix of the hints, which say which jobs wait, by model.
pub const WAITING_PREFIX: &str = "ledger/waiting/";

/// The longest name of a model in a hint's key.
const MAX_MODEL_BYTES_IN_KEY: usize = 200;

/// The folder of a model's hints for jobs of routes, with a folder for each route. It sorts after the hints of jobs without
/// a route, which start with a digit.
const BY_ROUTE_FOLDER: &str = "by-route/";

/// The folder of a model's hints for jobs that were refused. It sorts after the others.
const REFUSED_FOLDER: &str = "refused/";

/// Returns the prefix of the hints of a model's waiting jobs: first those of drops without a route, then those of each
/// route, and at last those that were refused for a cause that an operator must fix. The oldest drop comes first among
/// each. The model may be named by its id or by its ARN.
#[must_use]
pub fn of_model(model_id: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let id = arn::id_of(model_id).chars().take(MAX_MODEL_BYTES_IN_KEY);
    let mut after_plain = false;
    let mut model = String::new();
    for c in id {
        // A dot may not come first: `..` is not a name in every S3 client.
        model.push(if is_plain(c) || (c == '.' && after_plain) { c } else { '_' });
        after_plain = is_plain(c);
    }
    format!("{WAITING_PREFIX}{model}/")
}

/// Returns the prefix of the folders of hints that the routes have for a model.
#[must_use]
pub fn of_routes(model_id: &str) -> String {
    format!("{}{BY_ROUTE_FOLDER}", of_model(model_id))
}

/// Returns the prefix of the hints of a route's jobs that wait for a slot.
#[must_use]
pub fn of_route(model_id: &str, route: &RouteId) -> String {
    format!("{}{route}/", of_routes(model_id))
}

/// Returns the key of the hint of a waiting job; `time` is when its drop was put.
#[must_use]
pub fn key(
    model_id: &str,
    route: Option<&RouteId>,
    time: Timestamp,
    job_id: &JobId,
    is_refused: bool,
) -> String {
    let folder = match route {
        _ if is_refused => format!("{}{REFUSED_FOLDER}", of_model(model_id)),
        Some(route) => of_route(model_id, route),
        None => of_model(model_id),
    };
    format!("{folder}{}-{job_id}.json", time.compact())
}

/// What the key of a hint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The job that waits.
    pub job_id: JobId,
    /// Its route; `None` if it has none, or was refused.
    pub route: Option<RouteId>,
    /// Whether Bedrock refused the job for a cause that an operator must fix.
    pub is_refused: bool,
}

/// Parses the key of a hint; `None` if the key is not one of a hint.
#[must_use]
pub fn parse(key: &str) -> Option<Hint> {
    let (_, rest) = key.strip_prefix(WAITING_PREFIX)?.split_once('/')?;
    let of_refused = rest.strip_prefix(REFUSED_FOLDER);
    let (route, name) = match rest.strip_prefix(BY_ROUTE_FOLDER) {
        Some(of_route) => {
            let (route, name) = of_route.split_once('/')?;
            (Some(RouteId::parse(route)?), name)
        }
        None => (None, of_refused.unwrap_or(rest)),
    };
    let (time, id) = name.strip_suffix(".json")?.split_once('-')?;
    let job_id = JobId::parse(id)?;
    (!time.contains('/')).then_some(Hint { job_id, route, is_refused: of_refused.is_some() })
}

/// Parses the prefix of a route's hints.
#[must_use]
pub fn route_of(folder: &str) -> Option<RouteId> {
    RouteId::parse(folder.strip_suffix('/')?.rsplit('/').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVA: &str = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0";

    #[test]
    fn hints_sort_by_model_then_by_route_then_by_refusal_then_by_time() {
        let ids = ["0", "1", "2", "3"].map(|digit| JobId::parse(&digit.repeat(32)).unwrap());
        let route = RouteId::derive("team/");
        let at = Timestamp::from_secs;
        let refused = key(NOVA, Some(&route), at(0), &ids[0], true);
        let of_route = key(NOVA, Some(&route), at(0), &ids[3], false);
        let old = key("us.amazon.nova-lite-v1:0", None, at(1), &ids[2], false);
        let new = key(NOVA, None, at(1_000_000_000), &ids[1], false);
        assert_eq!(
            refused,
            format!("ledger/waiting/us.amazon.nova-lite-v1_0/refused/19700101T000000Z-{}.json", ids[0])
        );
        assert_eq!(
            of_route,
            format!(
                "ledger/waiting/us.amazon.nova-lite-v1_0/by-route/{route}/19700101T000000Z-{}.json",
                ids[3]
            )
        );
        assert!(old < new && new < of_route && of_route < refused);
        for (key, job_id, route, is_refused) in [
            (&refused, &ids[0], None, true),
            (&old, &ids[2], None, false),
            (&of_route, &ids[3], Some(route), false),
        ] {
            assert!(key.starts_with(&of_model(NOVA)));
            assert_eq!(parse(key), Some(Hint { job_id: job_id.clone(), route, is_refused }));
        }
        for other in [
            "ledger/waiting/",
            "ledger/waiting/m/",
            "ledger/waiting/m/refused/",
            "ledger/waiting/20260101T000000Z-00000000000000000000000000000000.json",
            "ledger/waiting/m/other/20260101T000000Z-00000000000000000000000000000000.json",
            "ledger/waiting/m/by-route/20260101T000000Z-00000000000000000000000000000000.json",
            "ledger/waiting/m/by-route/x/20260101T000000Z-00000000000000000000000000000000.json",
            "ledger/waiting/m/20260101T000000Z-0.json",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
        assert_eq!(of_model("a/../."), "ledger/waiting/_/");
        assert_eq!(of_model("é.."), "ledger/waiting/___/");
        assert_eq!(of_model(&"m".repeat(2_048)).len(), WAITING_PREFIX.len() + MAX_MODEL_BYTES_IN_KEY + 1);
    }

    #[test]
    fn folder_of_a_route_names_it() {
        let route = RouteId::derive("team/");
        assert_eq!(route_of(&of_route(NOVA, &route)), Some(route));
        for other in [of_model(NOVA), of_routes(NOVA), "by-route/0123456789abcdeg/".into()] {
            assert_eq!(route_of(&other), None, "{other}");
        }
    }
}
