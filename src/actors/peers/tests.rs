//! Two and three nodes' exchanges on one wire, with registry and sessions played by probes.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::mpsc;

use super::*;
use crate::{
    actors::{registry::Deed, tutor},
    bus::Bus,
    domain::{
        clock::{Clock as _, ManualClock, Millis},
        ids::{ConnectionId, SeededIds, SessionId, UserId},
        live::feed::{RowUser, SessionRow, TurnRow},
        role::Role,
    },
    store::{
        contract::on_lite,
        nodes::{LEASE, Owner, Stats},
    },
    telemetry::Problems,
};

use super::wire::Wire;

const PATIENCE: Duration = Duration::from_secs(20);

type Shared<T> = Arc<Mutex<Vec<T>>>;

fn lock<T>(shared: &Shared<T>) -> std::sync::MutexGuard<'_, Vec<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays the registry and the tutor.
struct Desk {
    sessions: Shared<SessionRow>,
    acts: mpsc::UnboundedSender<String>,
}

impl Actor for Desk {
    type Context = Context<Self>;
}

impl Handler<registry::Rows> for Desk {
    type Result = Vec<SessionRow>;

    fn handle(&mut self, _: registry::Rows, _: &mut Self::Context) -> Self::Result {
        lock(&self.sessions).clone()
    }
}

impl Handler<tutor::Rows> for Desk {
    type Result = Vec<TurnRow>;

    fn handle(&mut self, _: tutor::Rows, _: &mut Self::Context) -> Self::Result {
        Vec::new()
    }
}

impl Handler<registry::Find> for Desk {
    type Result = Option<registry::Found>;

    fn handle(&mut self, find: registry::Find, _: &mut Self::Context) -> Self::Result {
        let rows = lock(&self.sessions);
        let row = rows.iter().find(|row| row.session == find.0)?;
        let sign_in = SessionId::new(format!("sign-in of {}", row.session));
        Some(registry::Found { user: row.user.id.clone(), sign_in })
    }
}

impl Handler<registry::Act> for Desk {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, act: registry::Act, _: &mut Self::Context) -> Self::Result {
        let known = lock(&self.sessions).iter().any(|row| row.session == act.stay);
        if known {
            self.acts.send(format!("{:?} {}", act.deed, act.stay)).unwrap();
        }
        Box::pin(std::future::ready(known))
    }
}

impl Handler<registry::Say> for Desk {
    type Result = ();

    fn handle(&mut self, say: registry::Say, _: &mut Self::Context) {
        self.acts.send(format!("say {:?} {}", say.user, say.text)).unwrap();
    }
}

/// What all nodes of a test share.
pub(crate) struct School {
    store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) wire: Arc<Wire>,
    _folder: tempfile::TempDir,
}

pub(crate) struct Node {
    pub(crate) peers: Addr<Peers>,
    sessions: Shared<SessionRow>,
    acts: mpsc::UnboundedReceiver<String>,
    lease: Arc<Lease>,
    me: Owner,
}

impl School {
    pub(crate) async fn new() -> Self {
        let (store, folder) = on_lite().await;
        let clock = Arc::new(ManualClock::at(Millis(1_000_000)));
        Self { store: Arc::new(store), clock, wire: Wire::new(7), _folder: folder }
    }

    pub(crate) async fn node(&self, name: &str, stays: &[&str]) -> Node {
        self.node_on(name, stays, self.wire.bus()).await
    }

    pub(crate) async fn node_on(&self, name: &str, stays: &[&str], bus: Bus) -> Node {
        let me = Owner { node: NodeId::new(name), incarnation: "1".to_owned() };
        self.store.register_node(&me, self.clock.now()).await.unwrap();
        let lease = Arc::new(Lease::default());
        lease.renewed(self.clock.now());
        let sessions: Shared<_> = Arc::new(Mutex::new(rows(name, stays)));
        let (acted, acts) = mpsc::unbounded_channel();
        let desk = Desk { sessions: Arc::clone(&sessions), acts: acted }.start();
        let seed = name.bytes().map(u64::from).sum();
        let ways = Ways {
            bus,
            store: Arc::clone(&self.store),
            lease: Arc::clone(&lease),
            clock: Arc::<ManualClock>::clone(&self.clock),
            ids: Arc::new(SeededIds::new(seed)),
            local: Arc::new(Local {
                node: me.node.clone(),
                registry: desk.clone().recipient(),
                tutor: desk.clone().recipient(),
                problems: Problems::new(|| 0),
            }),
            find: desk.clone().recipient(),
            act: desk.clone().recipient(),
            say: desk.recipient(),
        };
        Node { peers: Peers::new(ways).start(), sessions, acts, lease, me }
    }

    pub(crate) async fn renew(&self, node: &Node) {
        let now = self.clock.now();
        assert!(self.store.renew_lease(&node.me, &Stats::default(), now).await.unwrap());
        node.lease.renewed(now);
    }
}

fn rows(node: &str, stays: &[&str]) -> Vec<SessionRow> {
    let row = |stay: &&str| SessionRow {
        session: StayId::new(*stay),
        connection: ConnectionId::new(format!("{node}-{stay}")),
        node: NodeId::new(node),
        user: RowUser { id: UserId::new("ada"), name: "Ada".to_owned(), role: Role::Student },
        impersonated_by: None,
        page: None,
        since: "2026-11-25T00:00:00.000Z".to_owned(),
        threads: Vec::new(),
        transport: "websocket".into(),
        queued_bytes: 0,
        lag: 0,
    };
    stays.iter().map(row).collect()
}

impl Node {
    fn connected(&self, stays: &[&str]) {
        *lock(&self.sessions) = rows(self.me.node.as_str(), stays);
    }

    /// Which stays of other nodes a watcher here sees.
    async fn sees(&self) -> BTreeSet<String> {
        let rows = self.peers.send(Elsewhere(Topic::Sessions)).await.unwrap();
        rows.iter().map(|row| row.id().to_owned()).collect()
    }

    async fn until_it_sees(&self, stays: &[&str]) {
        let stays: BTreeSet<String> = stays.iter().map(|&stay| stay.to_owned()).collect();
        until(async || self.sees().await == stays).await;
    }

    async fn view(&self) -> View {
        self.peers.send(Observe::default()).await.unwrap()
    }

    /// What its registry is to do next.
    async fn act(&mut self) -> String {
        actix_rt::time::timeout(PATIENCE, self.acts.recv()).await.expect("nothing").unwrap()
    }

    async fn find(&self, stay: &str) -> Option<FoundAt> {
        self.peers.send(Find(StayId::new(stay))).await.unwrap()
    }

    async fn kick(&self, node: &str, stay: &str) -> bool {
        let (node, stay) = (NodeId::new(node), StayId::new(stay));
        let deed = Deed::Kick { reason: None };
        self.peers.send(Do { node, stay, deed }).await.unwrap()
    }
}

async fn until(condition: impl AsyncFn() -> bool) {
    let held = async {
        while !condition().await {
            actix_rt::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(actix_rt::time::timeout(PATIENCE, held).await.is_ok(), "it never comes to that");
}

#[actix::test]
async fn a_watcher_sees_the_rows_of_every_other_node_as_they_change() {
    let school = School::new().await;
    let (a, b) = (school.node("a", &["here"]).await, school.node("b", &["b1", "b2"]).await);
    let c = school.node("c", &["c1"]).await;

    a.until_it_sees(&["b1", "b2", "c1"]).await;
    b.connected(&["b2", "b3"]);
    c.connected(&[]);
    a.until_it_sees(&["b2", "b3"]).await;
}

#[actix::test]
async fn a_node_that_comes_later_is_seen_too() {
    let school = School::new().await;
    let a = school.node("a", &[]).await;
    a.until_it_sees(&[]).await;

    let _b = school.node("b", &["b1"]).await;
    a.until_it_sees(&["b1"]).await;
}

#[actix::test]
async fn thousands_of_rows_come_in_notes_of_less_than_64_kib() {
    let school = School::new().await;
    let (a, b) = (school.node("a", &[]).await, school.node("b", &[]).await);
    let stays: Vec<String> = (0..3_000).map(|n| format!("stay{n}")).collect();
    let stays: Vec<&str> = stays.iter().map(String::as_str).collect();
    b.connected(&stays);

    a.until_it_sees(&stays).await;
    // Changed all at once, too. The wire measures each note.
    b.connected(&stays[..1_000]);
    a.until_it_sees(&stays[..1_000]).await;
}

#[actix::test]
async fn what_nobody_watches_is_told_to_nobody() {
    let school = School::new().await;
    let (a, b) = (school.node("a", &[]).await, school.node("b", &["b1"]).await);
    until(async || a.view().await.mirrors == 1 && b.view().await.mirrors == 1).await;
    assert!(!school.wire.said().iter().any(|note| note.body.contains("sessions")));

    a.until_it_sees(&["b1"]).await;
    assert_eq!(b.view().await.shown, 2);
    // The wish ends by itself when nobody repeats it.
    until(async || b.view().await.shown == 1 && a.view().await.mirrors == 1).await;
    school.wire.said();
    b.connected(&["b2"]);
    until(async || school.wire.said().iter().filter(|note| note.from == b.me.node).count() > 0)
        .await;
    assert!(!school.wire.said().iter().any(|note| note.body.contains("sessions")));
}

#[actix::test]
async fn lost_and_late_notes_are_made_good() {
    let school = School::new().await;
    let (a, b) = (school.node("a", &[]).await, school.node("b", &["0"]).await);
    school.wire.trouble(30, 20);
    for n in 0..40 {
        let stays: Vec<String> = (n..n + 5).map(|stay| stay.to_string()).collect();
        b.connected(&stays.iter().map(String::as_str).collect::<Vec<_>>());
        a.sees().await;
        actix_rt::time::sleep(ROUND).await;
    }
    a.until_it_sees(&["39", "40", "41", "42", "43"]).await;
}

#[actix::test]
async fn a_node_that_was_cut_off_asks_for_everything_again() {
    let school = School::new().await;
    let (a, b) = (school.node("a", &[]).await, school.node("b", &["b1"]).await);
    a.until_it_sees(&["b1"]).await;
    school.wire.cut(0);
    b.connected(&["b2"]);
    until(async || {
        a.sees().await;
        school.wire.said().iter().any(|note| note.from == b.me.node && note.body.contains("b2"))
    })
    .await;
    a.until_it_sees(&["b1"]).await;

    school.wire.join(0);
    a.until_it_sees(&["b2"]).await;
}

#[actix::test]
async fn the_rows_of_a_node_go_when_its_lease_is_over_or_it_says_goodbye() {
    let school = School::new().await;
    let a = school.node("a", &[]).await;
    let (dies, leaves) = (school.node("b", &["b1"]).await, school.node("c", &["c1"]).await);
    a.until_it_sees(&["b1", "c1"]).await;

    leaves.peers.send(Goodbye).await.unwrap();
    a.until_it_sees(&["b1"]).await;
    school.wire.cut(1);
    for _ in 0..3 {
        school.clock.advance(LEASE / 3);
        school.renew(&a).await;
    }
    a.until_it_sees(&[]).await;

    // It was only paused: it is there again when it is heard again.
    school.wire.join(1);
    school.renew(&dies).await;
    a.until_it_sees(&["b1"]).await;
}

#[actix::test]
async fn whoever_has_a_session_says_who_it_is_and_does_what_is_asked() {
    let school = School::new().await;
    let (a, mut b) = (school.node("a", &["a1"]).await, school.node("b", &["b1"]).await);
    let _c = school.node("c", &["c1"]).await;

    let found = FoundAt {
        node: NodeId::new("b"),
        user: UserId::new("ada"),
        sign_in: SessionId::new("sign-in of b1"),
    };
    assert_eq!(a.find("b1").await, Some(found));
    assert!(a.kick("b", "b1").await);
    assert_eq!(b.act().await, "Kick { reason: None } b1");

    assert_eq!(a.find("nowhere").await, None);
    assert!(!a.kick("b", "c1").await, "it is not on this node");
    // Nobody waits any more.
    until(async || a.view().await.asked == 0).await;
}

#[actix::test]
async fn a_question_survives_lost_notes_and_is_acted_on_once() {
    let school = School::new().await;
    let (a, mut b) = (school.node("a", &[]).await, school.node("b", &["b1"]).await);
    school.wire.trouble(40, 20);
    for _ in 0..20 {
        assert!(a.find("b1").await.is_some());
        assert!(a.kick("b", "b1").await);
    }
    school.wire.trouble(0, 0);
    a.until_it_sees(&["b1"]).await;
    let mut kicks = 0;
    while b.acts.try_recv().is_ok() {
        kicks += 1;
    }
    assert_eq!(kicks, 20);
}

#[actix::test]
async fn a_notice_is_said_on_every_other_node_once() {
    let school = School::new().await;
    let (mut a, mut b) = (school.node("a", &[]).await, school.node("b", &[]).await);
    let mut c = school.node("c", &[]).await;
    let user = Some(UserId::new("ada"));
    let say = registry::Say { user, text: "hello".to_owned(), at: String::new() };
    // Nobody repeats it for a node that does not listen yet.
    until(async || a.view().await.mirrors == 2).await;
    a.peers.send(say).await.unwrap();

    for node in [&mut b, &mut c] {
        assert_eq!(node.act().await, "say Some(UserId(\"ada\")) hello");
        assert!(node.acts.try_recv().is_err());
    }
    assert!(a.acts.try_recv().is_err());
}

#[actix::test]
async fn a_node_without_others_says_nothing_and_finds_nobody_at_once() {
    let school = School::new().await;
    let bus = Bus::in_process();
    let mut heard = bus.listen_to_nodes();
    let alone = school.node_on("a", &["a1"], bus).await;

    assert!(alone.sees().await.is_empty());
    let asked = async { (alone.find("b1").await, alone.kick("b", "b1").await) };
    let answered = actix_rt::time::timeout(Duration::from_millis(900), asked).await;
    assert_eq!(answered, Ok((None, false)));
    alone.peers.send(Goodbye).await.unwrap();
    assert!(heard.try_recv().is_err());
}
