//! scratch
mod promises;
mod protocol;
mod steps;
mod world;
use std::time::Instant;
use stateright::{Checker, HasDiscoveries, Model};
use promises::*;
use protocol::*;

#[test]
fn scratch() {
    let n = |k: &str, d: usize| std::env::var_os(k).map_or(d, |v| v.to_str().unwrap().parse().unwrap());
    let mut protocol = Protocol::new(n("P",1) as u8, n("R",1) as u8, n("I",2), n("F",1) as u8);
    if n("FORGET",0)==1 { protocol.bedrock = Bedrock::ForgetsTokens; }
    if n("ONCE",0)==1 { protocol.create = Create::SentOnce; }
    protocol.attempts = n("A",2) as u8;
    if n("SKEW",0)==1 { protocol.clocks = Clocks::BeyondMargin; }
    protocol.broken = [None, Some(Rule::RecordComesFirst), Some(Rule::LeasesAreRespected), Some(Rule::MarkerGoesLast), Some(Rule::JobIsLookedUp), Some(Rule::OutcomeIsDecidedOnce), Some(Rule::RejectionIsCarriedOut)][n("B",0)];
    let t = Instant::now();
    let mut b = protocol.checker().threads(2);
    if n("EARLY",0)==1 { b = b.finish_when(HasDiscoveries::AnyFailures).threads(1); }
    let c = b.spawn_bfs().join();
    println!("unique {} gen {} depth {} {:?}", c.unique_state_count(), c.state_count(), c.max_depth(), t.elapsed());
    let steps = c.model().steps.lock().unwrap().clone();
    println!("edges {} never end {} {:?}", steps.len(), worlds_that_never_end(&steps), t.elapsed());
    for (name, path) in c.discoveries() {
        println!("== {name}");
        if [PAID_ONCE, ACCOUNTED, MARKED, LEGAL, RECORDED].contains(&name) {
            let v = path.into_vec();
            if n("SHOW",0)==1 {for (s, a) in &v { println!("   {a:?}"); let _ = s; }
            println!("{:#?}", v.last().unwrap().0);}
        }
    }
}
