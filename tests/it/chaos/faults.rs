//! What goes wrong, and when.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use crate::support::nodes::Nodes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `kill -9`, and back three seconds later.
    Kill(usize),
    /// SIGSTOP for so long, which is more than a lease.
    Pause(usize, Duration),
    Flush,
    /// Redis answers nobody for so long.
    Sleep(u32),
    RedisRestart,
    PostgresRestart,
    CutRedis(usize, Duration),
    CutPostgres(usize, Duration),
}

/// A fault that was caused, in milliseconds since 1970 of the machine's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) fault: Fault,
    pub(super) from: i64,
    pub(super) until: i64,
}

const PAUSE: Duration = Duration::from_secs(10);
const CUT: Duration = Duration::from_secs(3);
const DOWN: Duration = Duration::from_secs(3);

impl Fault {
    pub(super) async fn cause(self, nodes: &mut Nodes) {
        match self {
            Self::Kill(node) => {
                nodes.all[node].kill();
                tokio::time::sleep(DOWN).await;
                tokio::task::block_in_place(|| nodes.start_node(node));
            }
            Self::Pause(node, time) => {
                nodes.all[node].signal("-STOP");
                tokio::time::sleep(time).await;
                nodes.all[node].signal("-CONT");
            }
            Self::Flush => {
                nodes.redis.run(&["FLUSHALL"]);
            }
            Self::Sleep(seconds) => {
                let mut sleeping = nodes.redis.begin(&["DEBUG", "SLEEP", &seconds.to_string()]);
                tokio::task::block_in_place(|| sleeping.wait().unwrap());
            }
            Self::RedisRestart => tokio::task::block_in_place(|| nodes.redis.restart()),
            Self::PostgresRestart => tokio::task::block_in_place(|| nodes.postgres.restart()),
            Self::CutRedis(node, time) => {
                nodes.all[node].to_redis.cut();
                tokio::time::sleep(time).await;
                nodes.all[node].to_redis.mend();
            }
            Self::CutPostgres(node, time) => {
                nodes.all[node].to_postgres.cut();
                tokio::time::sleep(time).await;
                nodes.all[node].to_postgres.mend();
            }
        }
    }
}

/// Milliseconds from the beginning, and what happens then.
pub(super) fn each_once() -> Vec<(u64, Fault)> {
    let quick = Duration::from_secs(2);
    vec![
        (1_000, Fault::Kill(0)),
        (6_000, Fault::Flush),
        (7_000, Fault::CutRedis(1, quick)),
        (10_000, Fault::Sleep(2)),
        (13_000, Fault::RedisRestart),
        (14_500, Fault::Pause(2, Duration::from_secs(8))),
        (24_000, Fault::PostgresRestart),
        (26_000, Fault::CutPostgres(0, quick)),
    ]
}

/// A node is killed every ten seconds; behind every second kill comes another fault.
pub(super) fn plan(seed: u64, seconds: u64) -> Vec<(u64, Fault)> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut bag = Vec::new();
    let mut plan = Vec::new();
    for (turn, second) in (5..seconds.saturating_sub(10)).step_by(10).enumerate() {
        plan.push((second * 1_000, Fault::Kill(chance.random_range(0..3))));
        if turn % 2 == 0 {
            continue;
        }
        if bag.is_empty() {
            bag = others(&mut chance);
        }
        plan.extend(bag.pop().map(|fault| ((second + 4) * 1_000, fault)));
    }
    plan
}

fn others(chance: &mut StdRng) -> Vec<Fault> {
    let mut node = || chance.random_range(0..3);
    let mut all = vec![
        Fault::Pause(node(), PAUSE),
        Fault::Flush,
        Fault::Sleep(4),
        Fault::RedisRestart,
        Fault::PostgresRestart,
        Fault::CutRedis(node(), CUT),
        Fault::CutPostgres(node(), CUT),
    ];
    all.shuffle(chance);
    all
}
