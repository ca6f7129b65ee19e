//! How the routes share the slots for jobs: by weight, so that one route with very many jobs does not keep the others
//! waiting. Pure.

use std::collections::BTreeMap;

use crate::drop::identity::RouteId;
use crate::drop::routes::Routes;

/// The weight of a route that says nothing about it, and of the drops without a route.
const DEFAULT_WEIGHT: u32 = 1;

/// The weights of the routes in force. A route that is paused has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shares(BTreeMap<RouteId, u32>);

impl Shares {
    /// Takes the weights of these routes.
    #[must_use]
    pub fn of(routes: &Routes) -> Self {
        let weight = |paused: Option<bool>, weight: Option<u32>| match paused {
            Some(true) => 0,
            Some(false) | None => weight.unwrap_or(DEFAULT_WEIGHT),
        };
        let ids = routes.routes.iter();
        Self(ids.map(|route| (RouteId::derive(&route.prefix), weight(route.paused, route.weight))).collect())
    }

    /// Returns the weight of a route: 0 if it is paused. One that is not in force any more still has jobs, and these
    /// have the weight of drops without a route.
    #[must_use]
    pub fn weight(&self, route: Option<&RouteId>) -> u32 {
        route.and_then(|route| self.0.get(route)).copied().unwrap_or(DEFAULT_WEIGHT)
    }

    /// Returns whether the jobs of a route must not be asked for now.
    #[must_use]
    pub fn is_paused(&self, route: Option<&RouteId>) -> bool {
        self.weight(route) == 0
    }
}

/// Draws one of some weights, each as often as it is large; `None` if all of them are 0. `below` returns a random number
/// below its argument.
pub fn draw(weights: impl Iterator<Item = u32> + Clone, below: impl FnOnce(u64) -> u64) -> Option<usize> {
    let sum: u64 = weights.clone().map(u64::from).sum();
    let mut left = (sum > 0).then(|| below(sum))?;
    weights.into_iter().position(|weight| match left.checked_sub(u64::from(weight)) {
        Some(less) => {
            left = less;
            false
        }
        None => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::routes::Route;

    #[test]
    fn each_number_draws_the_weight_that_it_falls_into() {
        let weights = [2, 0, 3, 1];
        let drawn: Vec<_> = (0..6).map(|number| draw(weights.into_iter(), |_| number)).collect();
        assert_eq!(drawn, [0, 0, 2, 2, 2, 3].map(Some));
        assert_eq!(draw([u32::MAX; 3].into_iter(), |sum| sum - 1), Some(2));
        assert_eq!(draw([0, 0].into_iter(), |_| unreachable!()), None);
        assert_eq!(draw(std::iter::empty(), |_| unreachable!()), None);
    }

    #[test]
    fn paused_route_has_no_weight_and_one_that_is_gone_has_that_of_the_stack() {
        let route = |prefix: &str, weight, paused| Route {
            prefix: prefix.into(),
            weight,
            paused,
            ..Route::default()
        };
        let routes = vec![
            route("a/", Some(7), Some(false)),
            route("b/", Some(7), Some(true)),
            route("c/", None, None),
        ];
        let shares = Shares::of(&Routes { routes });
        let weight = |prefix| shares.weight(Some(&RouteId::derive(prefix)));
        assert_eq!(["a/", "b/", "c/", "gone/"].map(weight), [7, 0, 1, 1]);
        assert_eq!(shares.weight(None), 1);
        assert!(shares.is_paused(Some(&RouteId::derive("b/"))) && !shares.is_paused(None));
    }
}
