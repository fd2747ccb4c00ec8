//! What a token costs in the log, in the ring alone and over a Redis of its own. Run it with
//! `INTELLISTACK_TEST_ALL=1 INTELLISTACK_TEST_REDIS=own cargo test --profile quick --lib
//! what_a_token_costs -- --ignored --nocapture`.

use std::fs;

use futures_util::future::join_all;

use super::{
    tests::{delta, log, start},
    *,
};
use crate::{
    domain::clock::ManualClock,
    link::servers::{Server, link_up, prefix},
};

/// Answers under way at once, and the tokens of each.
const TURNS: usize = 500;
const TOKENS: i64 = 100;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; see the head of the file"]
#[expect(clippy::print_stderr, reason = "it prints what it measured")]
async fn what_a_token_costs() {
    let Some(server) = Server::start(&[]).await else { return };
    let clock = Arc::new(ManualClock::default());
    let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
    let link = link_up(&server.url(), &prefix()).await;
    let (ring, redis) = (Ring::new(shared), log(&link, &clock));
    let logs: [(&str, &dyn TurnLog); 2] = [("ring", &ring), ("redis", &redis)];
    for (name, log) in logs {
        let (ours, theirs, began) = (cpu("self"), cpu(&server.pid().to_string()), Instant::now());
        join_all((0..TURNS).map(|turn| write(log, turn))).await;
        let (took, tokens) = (began.elapsed().as_secs_f64(), tokens());
        let each = |before: f64, now: f64| (now - before) * 1e6 / tokens;
        eprintln!(
            "{name}: {:.0} appends/s; a token costs {:.2} µs here and {:.2} µs in redis-server",
            tokens / took,
            each(ours, cpu("self")),
            each(theirs, cpu(&server.pid().to_string())),
        );
    }
}

async fn write(log: &dyn TurnLog, turn: usize) {
    let thread = ThreadId::new(format!("thr_{turn}"));
    log.open(&thread, start(1, 0)).await.unwrap();
    for seq in 1..=TOKENS {
        log.append(&thread, 1, vec![delta(seq, "word ")]).await.unwrap();
    }
}

fn tokens() -> f64 {
    f64::from(u32::try_from(TURNS).unwrap()) * f64::from(i32::try_from(TOKENS).unwrap())
}

/// CPU seconds of a process so far, its own and the kernel's for it.
fn cpu(pid: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap())
}
