//! What a run was like, read from the histories and the logs of the nodes.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use serde_json::{Value, json};

use super::faults::{Done, Fault};
use crate::support::nodes::Nodes;

/// What follows a kill within this time, in milliseconds, is its doing.
const AFTER: i64 = 9_000;
/// Words of a killed node may arrive so long after, in milliseconds.
const ON_ITS_WAY: i64 = 500;
/// A node may be taken for dead so long after it was killed, stopped or cut off.
const OLD_LEASE: i64 = 15_000;

/// A client, as its history shows it at one time.
#[derive(Default)]
struct Client {
    /// The turn that runs, and the attempt that was last heard of it.
    running: Option<(String, i64)>,
    node: String,
    hello: Option<i64>,
    /// Time and why.
    resets: Vec<(i64, String)>,
    /// Pieces of answers: time, turn, attempt.
    pieces: Vec<(i64, String, i64)>,
    /// Time, and from the hello to the thread's state.
    resumed: Vec<(i64, i64)>,
    turns: usize,
}

pub(super) fn read(history: &Path, done: &[Done], nodes: &Nodes) -> Value {
    let mut clients: HashMap<i64, Client> = HashMap::new();
    for entry in fs::read_dir(history).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut started = 0;
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["kind"] == "run" {
                started = line["started_ms"].as_i64().unwrap();
            }
            let at = started + whole(line["t"].as_f64().unwrap());
            clients.entry(line["client"].as_i64().unwrap()).or_default().take(&line, at);
        }
    }
    let kills = || done.iter().filter(|done| matches!(done.fault, Fault::Kill(_)));
    let clean: Vec<&Done> = kills().filter(|kill| is_clean(kill, done)).collect();
    let in_clean = |at: i64| clean.iter().any(|kill| at >= kill.from && at < kill.from + AFTER);
    let calm = |at: i64| !done.iter().any(|done| at >= done.from - 500 && at < done.until + 2_000);
    let resumed = clients.values().flat_map(|client| &client.resumed);
    let healthy = resumed.filter(|(at, _)| calm(*at)).map(|(_, took)| *took).collect();
    let resets = |within: &dyn Fn(i64) -> bool| {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, why) in clients.values().flat_map(|client| &client.resets) {
            if within(*at) {
                *reasons.entry(why).or_default() += 1;
            }
        }
        reasons
    };
    let (takeovers, false_ones) = takeovers(done, nodes);
    json!({
        "turns": clients.values().map(|client| client.turns).sum::<usize>(),
        "faults": done.len(),
        "kills": kills().count(),
        "kills_with_no_other_fault": clean.len(),
        "takeovers": takeovers,
        "false_takeovers": false_ones,
        "kill_to_next_words_ms": spread(gaps(&clients, &clean)),
        "resume_on_a_healthy_node_ms": spread(healthy),
        "resets_after_kills_alone": resets(&in_clean),
        "resets": resets(&|_| true),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::as_conversions,
    reason = "milliseconds of a run"
)]
fn whole(ms: f64) -> i64 {
    ms.round() as i64
}

impl Client {
    fn take(&mut self, line: &Value, at: i64) {
        match line["kind"].as_str().unwrap() {
            "hello" => self.hello = line["thread"].is_string().then_some(at),
            "welcome" => line["node"].as_str().unwrap_or_default().clone_into(&mut self.node),
            "ok" if line["turn"].is_string() => self.turns += usize::from(line["seq"].is_i64()),
            "resumed" => {
                self.resumed.extend(self.hello.take().map(|hello| (at, at - hello)));
                if line["mode"] == "reset" {
                    let why = line["reason"].as_str().unwrap_or("unknown");
                    self.resets.push((at, why.to_owned()));
                }
            }
            "event" if line["type"] == "delta" && line["applied"] == true => {
                let turn = line["turn"].as_str().unwrap().to_owned();
                let attempt = line["attempt"].as_i64().unwrap();
                self.running = Some((turn.clone(), attempt));
                self.pieces.push((at, turn, attempt));
            }
            _ => {}
        }
    }
}

/// No other fault from the lease before a kill to the end of what follows from it.
fn is_clean(kill: &Done, done: &[Done]) -> bool {
    done.iter().all(|other| {
        other.from == kill.from || other.from > kill.from + AFTER || other.until < kill.from - 4_000
    })
}

/// From a kill to the next words, for the answers of the killed node that another one went on with:
/// those whose last words before the next owner's came before the kill, or just behind it.
fn gaps(clients: &HashMap<i64, Client>, kills: &[&Done]) -> Vec<i64> {
    let next_to = |client: &Client| -> Vec<(i64, i64)> {
        let pairs = client.pieces.windows(2);
        pairs
            .filter_map(|pair| match pair {
                [(last, turn, old), (next, same, new)] if turn == same && new > old => {
                    Some((*last, *next))
                }
                _ => None,
            })
            .collect()
    };
    let owners: Vec<(i64, i64)> = clients.values().flat_map(next_to).collect();
    let after = |kill: &Done| {
        let from = kill.from;
        let its = move |(last, next): &&(i64, i64)| *last < from + ON_ITS_WAY && *next >= from;
        owners.iter().filter(its).map(move |(_, next)| next - from)
    };
    kills.iter().flat_map(|kill| after(kill)).collect()
}

fn spread(mut times: Vec<i64>) -> Value {
    times.sort_unstable();
    let at = |part: usize| {
        let last = times.len().checked_sub(1)?;
        times.get((times.len() * part / 100).min(last))
    };
    json!({ "count": times.len(), "p50": at(50), "p99": at(99), "max": times.last() })
}

/// Answers that another node than the one that began them went on with; and those of them whose
/// owner had neither been killed nor stopped nor cut off.
fn takeovers(done: &[Done], nodes: &Nodes) -> (usize, usize) {
    let names: Vec<&str> = nodes.all.iter().map(|node| node.name.as_str()).collect();
    let (mut all, mut false_ones) = (0, 0);
    for node in &nodes.all {
        let log = fs::read_to_string(node.log()).unwrap();
        for line in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let Some(from) = line["from"].as_str() else { continue };
            all += 1;
            let at = line["at"].as_i64().unwrap();
            let owner = names.iter().position(|name| *name == from);
            let excused = done.iter().any(|done| {
                let hit = match done.fault {
                    Fault::Kill(node) | Fault::Pause(node, _) | Fault::CutPostgres(node, _) => {
                        Some(node) == owner
                    }
                    Fault::PostgresRestart => true,
                    _ => false,
                };
                hit && at >= done.from && at < done.until + OLD_LEASE
            });
            false_ones += usize::from(!excused);
        }
    }
    (all, false_ones)
}
