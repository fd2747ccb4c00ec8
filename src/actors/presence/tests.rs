//! Presence of one and of several nodes, joined by a wire, with sockets played by probes.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::*;
use crate::{
    actors::peers::{
        Goodbye,
        tests::{self as peers, School},
    },
    bus::Bus,
    domain::{
        clock::{ManualClock, Millis},
        ids::SeededIds,
    },
    store::nodes::LEASE,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(20);

/// Plays a session: tells the test how many sockets it hears of, or `None` when it must close.
struct Screen(mpsc::UnboundedSender<Option<usize>>);

impl Actor for Screen {
    type Context = Context<Self>;
}

impl Handler<session::Push> for Screen {
    type Result = ();

    fn handle(&mut self, session::Push(frame): session::Push, _: &mut Self::Context) {
        let Frame::Presence { sessions, .. } = frame else { panic!("{frame:?}") };
        let _ = self.0.send(Some(sessions));
    }
}

impl Handler<session::CloseWith> for Screen {
    type Result = ();

    fn handle(&mut self, session::CloseWith(close): session::CloseWith, _: &mut Self::Context) {
        assert_eq!(close, Close::Replaced);
        let _ = self.0.send(None);
    }
}

struct Client {
    stay: StayId,
    connection: ConnectionId,
    /// As its welcome says.
    sessions: usize,
    heard: mpsc::UnboundedReceiver<Option<usize>>,
}

impl Client {
    /// What it hears next: how many there are, or that it is replaced.
    async fn hears(&mut self) -> Option<usize> {
        let next = actix_rt::time::timeout(PATIENCE, self.heard.recv()).await;
        next.expect("it hears something").unwrap()
    }
}

struct Node {
    presence: Addr<Presence>,
    exchange: peers::Node,
    name: &'static str,
    numbers: std::cell::Cell<u32>,
}

impl Node {
    async fn start(school: &School, name: &'static str) -> Self {
        Self::start_on(school, name, school.wire.bus()).await
    }

    async fn start_on(school: &School, name: &'static str, bus: Bus) -> Self {
        let others = bus.reaches_others();
        let exchange = school.node_on(name, &[], bus).await;
        let presence = Presence::new(
            Arc::<ManualClock>::clone(&school.clock),
            Arc::new(SeededIds::new(name.bytes().map(u64::from).sum())),
            Stays::of_secret(SECRET),
            others.then(|| exchange.peers.clone()),
        );
        Self { presence: presence.start(), exchange, name, numbers: std::cell::Cell::new(0) }
    }

    async fn connect(&self, user: &str, stay: Option<&StayId>) -> Client {
        let (heard_by, heard) = mpsc::unbounded_channel();
        let screen = Screen(heard_by).start();
        self.numbers.set(self.numbers.get() + 1);
        let connection = ConnectionId::new(format!("{}-{}", self.name, self.numbers.get()));
        let arrive = Arrive {
            stay: stay.cloned(),
            user: UserId::new(user),
            connection: connection.clone(),
            socket: Socket { push: screen.clone().recipient(), close: screen.recipient() },
        };
        let (stay, sessions) = self.presence.send(arrive).await.unwrap();
        Client { stay, connection, sessions, heard }
    }

    async fn leave(&self, client: &Client) {
        let (stay, connection) = (client.stay.clone(), client.connection.clone());
        self.presence.send(Depart { stay, connection }).await.unwrap();
    }

    async fn view(&self) -> (usize, usize) {
        let View { here, elsewhere } = self.presence.send(Observe::default()).await.unwrap();
        (here, elsewhere)
    }

    async fn until(&self, here: usize, elsewhere: usize) {
        let held = async {
            while self.view().await != (here, elsewhere) {
                actix_rt::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let held = actix_rt::time::timeout(PATIENCE, held).await;
        assert!(held.is_ok(), "{}: {:?}", self.name, self.view().await);
    }
}

#[actix::test]
async fn one_node_counts_a_users_sockets_and_lets_a_stay_have_one() {
    let school = School::new().await;
    let node = Node::start_on(&school, "a", Bus::in_process()).await;
    let mut first = node.connect("ada", None).await;
    let mut second = node.connect("ada", None).await;
    let bob = node.connect("bob", Some(&first.stay)).await;
    assert_eq!((first.sessions, second.sessions, bob.sessions), (1, 2, 1));
    assert_ne!(bob.stay, first.stay, "somebody else's stay");
    assert_eq!(first.hears().await, Some(2));

    let again = node.connect("ada", Some(&first.stay)).await;
    assert_eq!((&again.stay, again.sessions), (&first.stay, 2));
    assert_eq!(first.hears().await, None);
    // The older socket's end is no news to anybody.
    node.leave(&first).await;
    node.leave(&again).await;
    assert_eq!(second.hears().await, Some(1));
    assert_eq!(node.view().await, (2, 0));
}

#[actix::test]
async fn a_users_sockets_are_counted_on_all_nodes() {
    let school = School::new().await;
    let (a, b) = (Node::start(&school, "a").await, Node::start(&school, "b").await);
    let mut here = a.connect("ada", None).await;
    b.until(0, 1).await;
    let mut there = b.connect("ada", None).await;

    assert_eq!((here.sessions, there.sessions), (1, 2));
    assert_eq!(here.hears().await, Some(2));
    let third = a.connect("ada", None).await;
    assert_eq!((third.sessions, here.hears().await, there.hears().await), (3, Some(3), Some(3)));
    a.leave(&third).await;
    assert_eq!((here.hears().await, there.hears().await), (Some(2), Some(2)));
}

#[actix::test]
async fn a_stay_that_moves_to_another_node_is_the_same_and_closes_its_older_socket() {
    let school = School::new().await;
    let (a, b) = (Node::start(&school, "a").await, Node::start(&school, "b").await);
    let mut older = a.connect("ada", None).await;
    b.until(0, 1).await;
    // The clock stands still, or runs behind on the other node: the order holds.
    school.clock.advance(-1_000);
    let newer = b.connect("ada", Some(&older.stay)).await;

    assert_eq!((&newer.stay, newer.sessions), (&older.stay, 1));
    assert_eq!(older.hears().await, None);
    a.until(0, 1).await;
    b.until(1, 0).await;
}

#[actix::test]
async fn of_two_sockets_of_a_stay_that_came_at_once_exactly_one_survives() {
    for (first, second) in [("a", "b"), ("b", "a")] {
        let school = School::new().await;
        let (one, two) = (Node::start(&school, first).await, Node::start(&school, second).await);
        let stay =
            Stays::of_secret(SECRET).name(&UserId::new("ada"), &SeededIds::new(1), Millis(1));
        // Neither node has heard of the other's when they come.
        let mut on_one = one.connect("ada", Some(&stay)).await;
        let mut on_two = two.connect("ada", Some(&stay)).await;

        let (loser, kept) = if first == "a" {
            (on_one.hears().await, &mut on_two)
        } else {
            (on_two.hears().await, &mut on_one)
        };
        assert_eq!(loser, None);
        let (a, b) = if first == "a" { (&one, &two) } else { (&two, &one) };
        a.until(0, 1).await;
        b.until(1, 0).await;
        assert!(kept.heard.try_recv().is_err(), "the other lives, and is alone");
    }
}

#[actix::test]
async fn a_stay_has_one_socket_after_a_cut_and_lost_notes_too() {
    let school = School::new().await;
    let (a, b) = (Node::start(&school, "a").await, Node::start(&school, "b").await);
    let mut older = a.connect("ada", None).await;
    b.until(0, 1).await;
    school.wire.cut(1);
    let newer = b.connect("ada", Some(&older.stay)).await;
    let _bob = b.connect("bob", None).await;
    school.wire.trouble(30, 20);
    school.wire.join(1);

    assert_eq!(older.hears().await, None);
    assert_eq!(newer.stay, older.stay);
    a.until(0, 2).await;
    b.until(2, 0).await;
}

#[actix::test]
async fn a_node_that_starts_learns_the_counts_and_one_that_goes_is_taken_out() {
    let school = School::new().await;
    let a = Node::start(&school, "a").await;
    let mut ada = a.connect("ada", None).await;
    let b = Node::start(&school, "b").await;
    b.until(0, 1).await;
    let also_ada = b.connect("ada", None).await;
    assert_eq!((also_ada.sessions, ada.hears().await), (2, Some(2)));

    b.exchange.peers.send(Goodbye).await.unwrap();
    assert_eq!(ada.hears().await, Some(1));
    a.until(1, 0).await;
}

#[actix::test]
async fn a_node_that_dies_is_taken_out_when_its_lease_is_over() {
    let school = School::new().await;
    let (a, b) = (Node::start(&school, "a").await, Node::start(&school, "b").await);
    let mut ada = a.connect("ada", None).await;
    let _there = b.connect("ada", None).await;
    assert_eq!(ada.hears().await, Some(2));

    school.wire.cut(1);
    for _ in 0..3 {
        assert!(ada.heard.try_recv().is_err(), "its lease holds");
        school.clock.advance(LEASE / 3);
        school.renew(&a.exchange).await;
    }
    assert_eq!(ada.hears().await, Some(1));
}
