//! The routes in force: whether their drops have models and settings that work, as those of the stack do.
//!
//! Each route is judged as if it were the stack. What is found for the stack itself is not said again.

use std::collections::BTreeSet;

use super::{access, endpoints, model, quotas};
use crate::base::arn::id_of;
use crate::base::count::Counted;
use crate::base::text;
use crate::doctor::facts::{Decision, Facts, ModelOfRoutes};
use crate::doctor::finding::{Finding, State, join};
use crate::doctor::known::Unknown;
use crate::doctor::subject::Subject;
use crate::drop::routes::{Route, Routes};

const CHECK: &str = "routes";

/// Checks the routes. There is no finding without routes.
pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    let models = match &facts.routes {
        Ok(models) => models,
        // Then no route can have another model.
        Err(_) if subject.config.route_models.is_empty() => return Vec::new(),
        Err(unknown) => return vec![not_known(unknown)],
    };
    let of_stack = judge(subject, facts);
    let mut found: Vec<(Finding, Vec<&Route>)> = Vec::new();
    for model in models {
        let facts = facts.with(model);
        for route in &model.routes {
            let findings = of_route(subject, &facts, model, route).into_iter();
            for finding in findings.filter(|finding| !of_stack.contains(finding)) {
                match found.iter_mut().find(|(other, _)| *other == finding) {
                    Some((_, routes)) => routes.push(route),
                    None => found.push((finding, vec![route])),
                }
            }
        }
    }
    if found.is_empty() && !models.is_empty() {
        let routes: usize = models.iter().map(|model| model.routes.len()).sum();
        let ids: BTreeSet<String> = models
            .iter()
            .filter_map(|model| Some(subject.of_route(model.routes.first()?).config.model_id))
            .collect();
        let ids = join(&ids.iter().map(String::as_str).collect());
        let routes = Counted(routes as u64, "route");
        return vec![Finding::ok(CHECK, format!("{routes} in force, with models that work: {ids}"))];
    }
    let named = |(finding, routes): (Finding, Vec<&Route>)| {
        let names: Vec<String> =
            routes.iter().map(|route| format!("{:?}", text::name(&route.prefix).to_string())).collect();
        let word = if names.len() == 1 { "route" } else { "routes" };
        Finding { check: CHECK, found: format!("{word} {}: {}", names.join(", "), finding.found), ..finding }
    };
    found.into_iter().map(named).collect()
}

fn not_known(unknown: &Unknown) -> Finding {
    let why = format!("which routes are in force is not known: {}", unknown.why);
    let fix = "examine the stack as one of its ReaderArns or RouteEditorArns; nobody else may see its routes";
    Finding::not_checked(CHECK, why, fix)
}

fn of_route(subject: &Subject, facts: &Facts, model: &ModelOfRoutes, route: &Route) -> Vec<Finding> {
    let faults = Routes { routes: vec![route.clone()] }.faults(&subject.config.stack());
    if !faults.is_empty() {
        let what =
            format!("it does not fit the stack any more, so its new drops wait: {}", faults.join("; "));
        let fix = "put a corrected config/routes.json, or change the parameter of the stack";
        return vec![Finding::fail(CHECK, what, fix)];
    }
    let mut findings = judge(&subject.of_route(route), facts);
    for (role_arn, question, decision) in &model.permissions {
        findings.extend(match decision {
            Ok(Decision::Allowed) => None,
            Ok(_) => {
                let (role, action, arn) = (id_of(role_arn), question.action, &question.resource);
                let what = format!("{role} may not {action} on {arn}");
                let fix =
                    format!("deploy with RouteModelArns that also has {arn}; if it has, allow it for {role}");
                Some(Finding::fail(CHECK, what, fix))
            }
            Err(unknown) => Some(Finding::unknown(CHECK, unknown)),
        });
    }
    findings
}

/// What is wrong, by the checks that depend on the model and on the settings of a route.
fn judge(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    let mut findings = endpoints::check_bedrock(subject, facts);
    findings.extend(model::check(subject, facts));
    findings.extend(access::check(subject, facts));
    findings.extend(quotas::check(subject, facts));
    findings.retain(|finding| finding.state != State::Ok);
    findings
}
