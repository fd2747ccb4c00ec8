//! What every bus must do, whatever it is made of. `suite!` makes the tests for one twin.

use std::time::Duration;

use tokio::{sync::broadcast, time::timeout};

use super::{Bus, Note, Wake};
use crate::domain::ids::{ConnectionId, NodeId, ThreadId, TurnId, UserId};

const PATIENCE: Duration = Duration::from_secs(10);

/// `$make` gives two ends of one bus, as two nodes `a` and `b` have them, and what must live as long
/// as they, or none where the server that it needs is not there (which it says).
macro_rules! suite {
    ($make:expr) => {
        $crate::bus::contract::suite!(@list @tests $make);
    };
    // All in one test, on a server that takes long to start.
    (in $name:ident: $make:expr) => {
        $crate::bus::contract::suite!(@list @one $name $make);
    };
    (@list $($what:tt)*) => {
        $crate::bus::contract::suite!($($what)*,
            what_is_said_of_a_followed_thread_is_heard_once
            what_concerns_all_is_heard_without_following
            a_note_to_one_node_is_heard_there
            following_twice_is_following_once_and_may_end_and_begin_again
        );
    };
    (@tests $make:expr, $($test:ident)+) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            if let Some((a, b, _kept)) = ($make)().await {
                $crate::bus::contract::$test(&a, &b).await;
            }
        }
    )+ };
    (@one $name:ident $make:expr, $($test:ident)+) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let mut make = $make;
            $(
                let Some((a, b)) = make().await else { return };
                $crate::bus::contract::$test(&a, &b).await;
            )+
        }
    };
}
pub(crate) use suite;

fn grown(thread: &str) -> Wake {
    Wake::Thread { thread: ThreadId::new(thread) }
}

fn note(to: Option<&str>, subject: &str) -> Wake {
    let (subject, body) = (subject.to_owned(), "body".to_owned());
    Wake::Note(Note { from: NodeId::new("a"), to: to.map(NodeId::new), subject, body })
}

/// The next wake that is no gap, which a line may say at any time.
pub(crate) async fn next(ear: &mut broadcast::Receiver<Wake>) -> Wake {
    loop {
        match timeout(PATIENCE, ear.recv()).await.expect("nothing is heard").unwrap() {
            Wake::Gap => {}
            wake => return wake,
        }
    }
}

pub(crate) async fn what_is_said_of_a_followed_thread_is_heard_once(a: &Bus, b: &Bus) {
    let (mut at_a, mut at_b) = (a.listen(), b.listen());
    for thread in ["1", "2"] {
        b.follow(&ThreadId::new(thread)).await;
    }
    let typing = Wake::Typing {
        thread: ThreadId::new("2"),
        user: UserId::new("u"),
        name: "Ada".into(),
        on: true,
        by: ConnectionId::new("c"),
    };
    let first = Wake::FirstWords { thread: ThreadId::new("1") };
    for wake in [first, typing, grown("2")] {
        a.wake(wake.clone());
        assert_eq!(next(&mut at_a).await, wake);
        assert_eq!(next(&mut at_b).await, wake);
    }
}

pub(crate) async fn what_concerns_all_is_heard_without_following(a: &Bus, b: &Bus) {
    let (mut threads_at_b, mut nodes_at_b) = (b.listen(), b.listen_to_nodes());
    let titled = Wake::Titled {
        owner: UserId::new("u"),
        thread: ThreadId::new("1"),
        title: "On \"quotes\"".into(),
        updated: "now".into(),
    };
    a.wake(titled.clone());
    assert_eq!(next(&mut threads_at_b).await, titled);
    let cancelled = Wake::Cancelled { turn: TurnId::new("t") };
    for wake in [Wake::Changed, cancelled, Wake::HandedOver, note(None, "all")] {
        a.wake(wake.clone());
        assert_eq!(next(&mut nodes_at_b).await, wake);
    }
}

pub(crate) async fn a_note_to_one_node_is_heard_there(a: &Bus, b: &Bus) {
    let mut at_b = b.listen_to_nodes();
    a.wake(note(Some("b"), "for you"));
    assert_eq!(next(&mut at_b).await, note(Some("b"), "for you"));
}

pub(crate) async fn following_twice_is_following_once_and_may_end_and_begin_again(
    a: &Bus,
    b: &Bus,
) {
    let thread = ThreadId::new("1");
    let (mut at_b, mut nodes_at_b) = (b.listen(), b.listen_to_nodes());
    for _ in 0..100 {
        b.follow(&thread).await;
        b.follow(&thread).await;
        a.wake(grown("1"));
        a.wake(Wake::Changed);
        assert_eq!(next(&mut at_b).await, grown("1"));
        assert_eq!(next(&mut nodes_at_b).await, Wake::Changed);
        b.unfollow(&thread);
    }
}
