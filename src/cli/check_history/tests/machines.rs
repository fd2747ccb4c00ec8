//! What the server's processes took, and readers that stopped.

use serde_json::json;

use super::sample::{History, good};

fn sampled(grown_mib: u64, connections: u64) -> History {
    let mut history = good();
    for (mib, connections) in [(50, 3), (50 + grown_mib, 3 + connections)] {
        let sample = json!({"pid": 7, "rss_bytes": mib << 20, "cpu_ms": 1,
            "connections": connections});
        history.add(0, "server", sample);
    }
    history
}

#[test]
fn memory_beyond_the_bound_of_a_connection_breaks_i13() {
    let checker = sampled(64 + 31, 100).judged();
    assert_eq!(checker.findings.earliest().map(|first| first.what.clone()), None);

    let first = sampled(64 + 33, 100).first().unwrap();
    assert_eq!(first.invariant.to_string(), "I13");
}

#[test]
fn memory_is_not_shared_out_over_few_connections() {
    assert!(sampled(500, 40).first().is_none());
}

/// Twelve answers before a reader stops and twelve beside it, which take so long.
fn stopped(beside_ms: f64) -> History {
    let mut history = History::new();
    history.add(1, "connect", json!({}));
    for number in 0..24_u32 {
        let (began, took) = if number < 12 {
            (f64::from(number) * 100.0, 50.0)
        } else {
            (5_000.0 + f64::from(number) * 10.0, beside_ms)
        };
        let (turn, message, thread) =
            (format!("trn_{number}"), format!("m{number}"), format!("thr_{number}"));
        let send = json!({"id": number, "type": "send", "message_id": message});
        history.add_at(began, 1, "request", send);
        let ok = json!({"id": number, "thread": thread, "epoch": "e", "item": null, "turn": turn,
            "seq": 1, "duplicate": false});
        history.add_at(began, 1, "ok", ok);
        let end = json!({"thread": thread, "epoch": "e", "first": 1, "seq": 2, "turn": turn,
            "attempt": 1, "status": "done", "length": 0, "sha256": "e3b0c44298fc1c14"});
        history.add_at(began + took, 1, "end", end);
    }
    history.add_at(5_000.0, 2, "stopped", json!({}));
    history.add_at(20_000.0, 2, "reads_on", json!({}));
    history
}

#[test]
fn answers_that_take_long_beside_stopped_readers_break_i12() {
    let broken = |beside| {
        let checker = stopped(beside).judged();
        let count = checker.findings.count(super::Invariant::NOT_SLOWED);
        (count.facts, count.broken)
    };
    assert_eq!(broken(1_000.0), (1, 0));
    assert_eq!(broken(1_200.0), (1, 1));
}
