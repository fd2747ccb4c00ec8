use super::*;
use crate::{
    domain::clock::{Clock, MINUTE, ManualClock},
    store::{
        auth_events::{AuthEventKind, tests::event},
        contract::on_lite,
    },
};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Nodes on one store, with one clock.
struct School {
    nodes: Vec<Limits>,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
    events: std::sync::atomic::AtomicU32,
}

async fn school(nodes: usize, loopback_is_free: bool) -> School {
    let (store, folder) = on_lite().await;
    let (store, clock) = (Arc::new(store), Arc::new(ManualClock::default()));
    let allowance = Allowance {
        failures_per_minute: 3,
        sign_ups_per_minute: 2,
        mails_per_minute: 2,
        held_per_minute: 2,
        pushed_per_minute: 3,
        lockout: Rule { tries: 5, locked_for: 30 * MINUTE },
        loopback_is_free,
    };
    let node = |_| Limits::new(allowance, Arc::clone(&store), Arc::<ManualClock>::clone(&clock));
    let nodes = (0..nodes).map(node).collect();
    School { nodes, clock, _folder: folder, events: 0.into() }
}

impl School {
    async fn fail(&self, node: usize, account: &str, address: IpAddr) -> Result<bool, TooMany> {
        let number = self.events.fetch_add(2, std::sync::atomic::Ordering::Relaxed);
        let now = self.clock.now().0;
        let failed = event(&number.to_string(), AuthEventKind::SignInFailed, now);
        let locks = event(&(number + 1).to_string(), AuthEventKind::AccountLocked, now);
        match self.nodes[node].begin(account.to_owned(), Some(address)).await {
            Ok(attempt) => Ok(attempt.failed(failed, locks).await.unwrap()),
            Err(Limited::TooMany(too_many)) => Err(too_many),
            Err(Limited::Auth(error)) => panic!("{error}"),
        }
    }

    async fn succeed(&self, node: usize, account: &str, address: IpAddr) {
        let attempt = self.nodes[node].begin(account.to_owned(), Some(address)).await;
        let account = attempt.unwrap_or_else(|error| panic!("{error}")).succeeded();
        self.nodes[node].store.guess_succeeded(&account).await.unwrap();
    }
}

/// Attack A7: one try each on many accounts, over two nodes.
#[tokio::test(flavor = "multi_thread")]
async fn failures_on_many_accounts_stop_an_address_but_not_a_class_that_signs_in() {
    let school = school(2, false).await;
    for pupil in 0..50 {
        school.succeed(pupil % 2, &format!("pupil{pupil}"), THERE).await;
    }
    for (node, account) in [(0, "a"), (1, "b"), (0, "c")] {
        school.fail(node, account, THERE).await.unwrap();
    }

    for node in [0, 1] {
        let refused = school.fail(node, "d", THERE).await;
        assert_eq!(refused, Err(TooMany::Address(20_000)), "node {node}");
    }
    assert_eq!(school.fail(1, "d", HERE).await, Ok(false));
}

/// Attack A5 over two nodes.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_locks_is_locked_on_the_other_and_what_it_unlocks_within_a_second() {
    let school = school(2, true).await;
    for n in 0..4 {
        assert_eq!(school.fail(n % 2, "ada", HERE).await, Ok(false));
    }
    assert_eq!(school.fail(1, "ada", HERE).await, Ok(true));
    for node in [0, 1] {
        let refused = school.fail(node, "ada", HERE).await;
        assert_eq!(refused, Err(TooMany::Account(30 * MINUTE)), "node {node}");
    }

    school.nodes[0].unlock("ada").await.unwrap();
    school.succeed(0, "ada", HERE).await;
    school.clock.advance(BELIEVED);
    school.succeed(1, "ada", HERE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_mode_frees_this_machine_from_address_limits_and_not_from_the_lockout() {
    let school = school(1, true).await;
    for account in ["a", "b", "c", "d", "e"] {
        assert_eq!(school.fail(0, account, HERE).await, Ok(false));
        assert!(school.nodes[0].sign_up(Some(HERE)).await.is_ok());
    }
    for _ in 0..4 {
        assert!(school.fail(0, "a", HERE).await.is_ok());
    }
    assert!(matches!(school.fail(0, "a", HERE).await, Err(TooMany::Account(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_apps_are_counted_an_address_on_all_nodes_and_not_on_this_machine_in_demo_mode()
{
    let school = school(2, true).await;
    for node in [0, 1] {
        assert!(school.nodes[node].held(Some(THERE)).await.is_ok());
        assert!(school.nodes[node].pushed(Some(THERE)).await.is_ok());
    }
    assert!(school.nodes[0].pushed(Some(THERE)).await.is_ok());

    let held = school.nodes[0].held(Some(THERE)).await;
    assert!(matches!(held, Err(Limited::TooMany(TooMany::Address(30_000)))));
    let pushed = school.nodes[1].pushed(Some(THERE)).await;
    assert!(matches!(pushed, Err(Limited::TooMany(TooMany::Address(20_000)))));
    for _ in 0..5 {
        assert!(school.nodes[0].held(Some(HERE)).await.is_ok());
        assert!(school.nodes[0].pushed(Some(HERE)).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_accounts_are_counted_an_address_on_all_nodes() {
    let school = school(2, false).await;
    assert!(school.nodes[0].sign_up(Some(THERE)).await.is_ok());
    assert!(school.nodes[1].sign_up(Some(THERE)).await.is_ok());
    let third = school.nodes[0].sign_up(Some(THERE)).await;
    assert!(matches!(third, Err(Limited::TooMany(TooMany::Address(30_000)))));
    assert!(school.nodes[1].sign_up(Some(HERE)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sixth_attempt_at_once_waits_for_one_of_the_five_on_any_node() {
    let school = school(2, true).await;
    for waiting in [0, 1] {
        let mut five = Vec::new();
        for _ in 0..5 {
            let begun = school.nodes[0].begin("ada".to_owned(), Some(HERE)).await;
            five.push(begun.unwrap_or_else(|error| panic!("{error}")));
        }
        let sixth = school.nodes[waiting].begin("ada".to_owned(), Some(HERE));
        let mut sixth = std::pin::pin!(sixth);
        assert!(futures_util::poll!(&mut sixth).is_pending());

        let account = five.pop().unwrap().succeeded();
        school.nodes[0].store.guess_succeeded(&account).await.unwrap();

        assert!(sixth.await.is_ok(), "on node {waiting}");
        for attempt in five {
            let account = attempt.succeeded();
            school.nodes[0].store.guess_succeeded(&account).await.unwrap();
        }
        school.nodes[0].store.guess_succeeded("ada").await.unwrap();
    }
}

/// Whoever hangs up while her password waits to be looked at has not guessed.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_dropped_does_not_count() {
    let school = school(1, true).await;
    for _ in 0..12 {
        let begun = school.nodes[0].begin("ada".to_owned(), Some(HERE)).await;
        drop(begun.unwrap_or_else(|error| panic!("{error}")));
    }
}
