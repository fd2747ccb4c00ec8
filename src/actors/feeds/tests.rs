//! The actor with a real mailbox, its sources and its watchers played by probes.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use super::*;
use crate::{
    actors::{
        peers::{Elsewhere, Local, Topic},
        registry, tutor,
    },
    domain::{
        clock::{ManualClock, SharedClock},
        ids::{NodeId, StayId, UserId},
        live::{
            feed::{RowUser, SessionRow, TurnRow},
            frame::Frame,
        },
        role::Role,
    },
    store::contract::on_lite,
    telemetry::Problems,
    turnlog::ring::Ring,
};

type Rows = Arc<Mutex<Vec<SessionRow>>>;

/// Plays the registry, the tutor and the other nodes, and tells the test when it is asked.
struct Source {
    sessions: Rows,
    elsewhere: Rows,
    asked: mpsc::UnboundedSender<&'static str>,
}

impl Actor for Source {
    type Context = Context<Self>;
}

impl Handler<registry::Rows> for Source {
    type Result = Vec<SessionRow>;

    fn handle(&mut self, _: registry::Rows, _: &mut Self::Context) -> Self::Result {
        let _ = self.asked.send("registry");
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Handler<tutor::Rows> for Source {
    type Result = Vec<TurnRow>;

    fn handle(&mut self, _: tutor::Rows, _: &mut Self::Context) -> Self::Result {
        let _ = self.asked.send("tutor");
        Vec::new()
    }
}

impl Handler<Elsewhere> for Source {
    type Result = Vec<Row>;

    fn handle(&mut self, Elsewhere(topic): Elsewhere, _: &mut Self::Context) -> Vec<Row> {
        let rows = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sessions = rows.into_iter().filter(|_| topic == Topic::Sessions);
        sessions.map(Row::Session).collect()
    }
}

/// Plays a session: hands what it gets to the test, which says whether there was room.
struct Screen(mpsc::UnboundedSender<Changed>);

impl Actor for Screen {
    type Context = Context<Self>;
}

impl Handler<Changed> for Screen {
    type Result = ();

    fn handle(&mut self, changed: Changed, _: &mut Self::Context) {
        let _ = self.0.send(changed);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Leave;

impl Handler<Leave> for Screen {
    type Result = ();

    fn handle(&mut self, Leave: Leave, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

struct Bench {
    feeds: Addr<Feeds>,
    sessions: Rows,
    elsewhere: Rows,
    asked: mpsc::UnboundedReceiver<&'static str>,
    screen: Addr<Screen>,
    shown: mpsc::UnboundedReceiver<Changed>,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let (store, folder) = on_lite().await;
        let clock: SharedClock = Arc::new(ManualClock::default());
        let (asked_by, asked) = mpsc::unbounded_channel();
        let sessions = Rows::default();
        let elsewhere = Rows::default();
        let source = Source {
            sessions: Arc::clone(&sessions),
            elsewhere: Arc::clone(&elsewhere),
            asked: asked_by,
        };
        let source = source.start();
        let feeds = Feeds::new(Sources {
            store: Arc::new(store),
            log: Arc::new(Ring::new(Arc::clone(&clock))),
            local: Arc::new(Local {
                node: NodeId::new("n1"),
                registry: source.clone().recipient(),
                tutor: source.clone().recipient(),
                problems: Problems::new(|| 0),
            }),
            peers: source.recipient(),
            clock,
        });
        let (screen, shown) = mpsc::unbounded_channel();
        let screen = Screen(screen).start();
        Self { feeds: feeds.start(), sessions, elsewhere, asked, screen, shown, _folder: folder }
    }

    fn connected(&self, stays: &[&str]) {
        let rows = stays.iter().map(|stay| row(stay)).collect();
        *self.sessions.lock().unwrap() = rows;
    }

    async fn open(&self, connection: &str, feed: Feed) -> Result<Opened, Denied> {
        let watch = Watch {
            connection: ConnectionId::new(connection),
            feed,
            filter: Filter::default(),
            session: self.screen.clone().recipient(),
        };
        self.feeds.send(watch).await.unwrap()
    }

    /// Watches, and says that the snapshot is shown. Gives the ids in it.
    async fn watch(&self, connection: &str, feed: Feed) -> Vec<String> {
        let Opened { number, rows } = self.open(connection, feed.clone()).await.unwrap();
        let connection = ConnectionId::new(connection);
        self.feeds.send(Shown { connection, feed, number }).await.unwrap();
        rows.iter().map(|row| row.id().to_owned()).collect()
    }

    /// Waits until somebody was asked for rows so many times.
    async fn asked(&mut self, whom: &str, times: usize) {
        for _ in 0..times {
            while self.asked.recv().await != Some(whom) {}
        }
    }

    /// The ids that the next diff adds and removes; `room`: whether the session takes it.
    async fn diff(&mut self, room: bool) -> (Vec<String>, Vec<String>) {
        let Changed { frame, taken, .. } = self.shown.recv().await.unwrap();
        taken.send(room).unwrap();
        let Frame::FeedDiff { add, remove, .. } = frame else { panic!("{frame:?}") };
        (add.iter().map(|row| row.id().to_owned()).collect(), remove)
    }

    async fn view(&self) -> View {
        self.feeds.send(Observe::default()).await.unwrap()
    }
}

fn row(stay: &str) -> SessionRow {
    let (name, role) = ("Ada".to_owned(), Role::Student);
    SessionRow {
        session: StayId::new(stay),
        connection: ConnectionId::new(stay),
        node: NodeId::new("n1"),
        user: RowUser { id: UserId::new("ada"), name, role },
        impersonated_by: None,
        page: None,
        since: String::new(),
        threads: Vec::new(),
        transport: "websocket".into(),
        queued_bytes: 0,
        lag: 0,
    }
}

fn ids(all: &[&str]) -> Vec<String> {
    all.iter().map(|&id| id.to_owned()).collect()
}

#[actix::test]
async fn a_watcher_has_the_snapshot_and_then_gets_what_changed() {
    let mut bench = Bench::new().await;
    bench.connected(&["a"]);
    assert_eq!(bench.watch("c1", Feed::Sessions).await, ids(&["a"]));

    bench.connected(&["a", "b"]);
    assert_eq!(bench.diff(true).await, (ids(&["b"]), vec![]));
    bench.connected(&["b"]);
    assert_eq!(bench.diff(true).await, (vec![], ids(&["a"])));
}

#[actix::test]
async fn the_rows_of_other_nodes_are_shown_and_a_stay_that_moves_is_shown_once() {
    let mut bench = Bench::new().await;
    bench.connected(&["a", "moving"]);
    let there = |connection: &str, since: &str, stay: &str| SessionRow {
        connection: ConnectionId::new(connection),
        node: NodeId::new("n2"),
        since: since.to_owned(),
        ..row(stay)
    };
    *bench.elsewhere.lock().unwrap() = vec![there("b", "", "b"), there("m2", "1", "moving")];
    let opened = bench.open("c1", Feed::Sessions).await.unwrap();
    let at = |row: &Row| match row {
        Row::Session(row) => (row.session.as_str().to_owned(), row.node.as_str().to_owned()),
        _ => panic!("{row:?}"),
    };
    let shown: Vec<_> = opened.rows.iter().map(at).collect();
    let expected = [("a", "n1"), ("b", "n2"), ("moving", "n2")];
    assert_eq!(shown, expected.map(|(stay, node)| (stay.to_owned(), node.to_owned())));

    let (connection, feed) = (ConnectionId::new("c1"), Feed::Sessions);
    bench.feeds.send(Shown { connection, feed, number: opened.number }).await.unwrap();
    bench.elsewhere.lock().unwrap().clear();
    assert_eq!(bench.diff(true).await, (vec![], ids(&["b"])), "and the other is here again");
}

#[actix::test]
async fn no_diff_overtakes_the_snapshot() {
    let mut bench = Bench::new().await;
    let opened = bench.open("c1", Feed::Sessions).await.unwrap();
    bench.connected(&["a"]);
    bench.asked("registry", 3).await;
    assert!(bench.shown.try_recv().is_err(), "the client has no snapshot yet");

    let (connection, number) = (ConnectionId::new("c1"), opened.number);
    let old = Shown { connection, feed: Feed::Sessions, number: number + 1 };
    bench.feeds.send(old).await.unwrap();
    bench.asked("registry", 2).await;
    assert!(bench.shown.try_recv().is_err(), "that was another watch");
    let (connection, feed) = (ConnectionId::new("c1"), Feed::Sessions);
    bench.feeds.send(Shown { connection, feed, number }).await.unwrap();
    assert_eq!(bench.diff(true).await, (ids(&["a"]), vec![]));
}

#[actix::test]
async fn a_watcher_without_room_gets_later_what_holds_then() {
    let mut bench = Bench::new().await;
    bench.watch("c1", Feed::Sessions).await;

    bench.connected(&["a"]);
    assert_eq!(bench.diff(false).await, (ids(&["a"]), vec![]));
    bench.connected(&["b"]);
    let next = bench.diff(true).await;
    // A round may have begun before the rows were changed.
    let next = if next.0 == ids(&["a"]) { bench.diff(true).await } else { next };
    assert_eq!(next.0, ids(&["b"]));
}

#[actix::test]
async fn what_nobody_watches_is_not_gathered() {
    let mut bench = Bench::new().await;
    bench.watch("c1", Feed::Sessions).await;
    let (connection, feed) = (ConnectionId::new("c1"), Feed::Sessions);
    bench.feeds.send(Unwatch { connection, feed }).await.unwrap();
    bench.watch("c1", Feed::Turns).await;
    // What was asked for until now.
    while bench.asked.try_recv().is_ok() {}

    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(bench.asked.recv().await.unwrap());
    }
    assert_eq!(asked, ["tutor"; 3]);
}

#[actix::test]
async fn a_connection_watches_sixteen_feeds_at_most() {
    let bench = Bench::new().await;
    let thread = |n: usize| Feed::Thread(crate::domain::ids::ThreadId::new(format!("t{n}")));
    for n in 0..MOST {
        bench.watch("c1", thread(n)).await;
    }

    assert!(matches!(bench.open("c1", thread(MOST)).await, Err(Denied::TooMany)));
    bench.watch("c1", thread(0)).await;
    bench.watch("c2", thread(MOST)).await;
    let view = bench.view().await;
    assert_eq!((view.watchers, view.watches), (2, MOST + 1));
}

#[actix::test]
async fn a_lost_right_ends_the_watches_that_rest_on_it() {
    let bench = Bench::new().await;
    for feed in [Feed::Sessions, Feed::Nodes, Feed::Errors] {
        bench.watch("c1", feed).await;
    }
    let forget = async |only_for_admins| {
        let connection = ConnectionId::new("c1");
        bench.feeds.send(Forget { connection, only_for_admins }).await.unwrap();
        bench.view().await.watches
    };

    assert_eq!(forget(true).await, 1);
    assert_eq!(forget(false).await, 0);
}

#[actix::test]
async fn a_closed_connection_is_forgotten() {
    let mut bench = Bench::new().await;
    bench.watch("gone", Feed::Sessions).await;
    let (shows, _kept) = mpsc::unbounded_channel();
    let gone = std::mem::replace(&mut bench.screen, Screen(shows).start());
    bench.watch("stays", Feed::Turns).await;

    gone.send(Leave).await.unwrap();
    drop(gone);
    bench.asked("tutor", 4).await;
    assert_eq!(bench.view().await.watchers, 1);
}
