//! Root: wires the whole program. Everything that differs between the embedded and the scaled
//! shape is chosen here, by configuration; nothing below asks which it is (ADR 0001).

use std::{
    fs::{File, TryLockError},
    io,
    net::TcpListener,
    path::Path,
    sync::Arc,
};

use actix::{Actor, Addr, Arbiter, Context, Supervised, Supervisor};

use crate::{
    actors::{
        Hub, Lease,
        backchannel::Backchannel,
        changes::{ChangeWatcher, Concerned},
        feeds::{Feeds, Sources},
        janitor::{Janitor, Vitals},
        leaving::Leaving,
        limiter::RateLimiter,
        peers::{Local, Peers, Ways},
        presence::Presence,
        registry::Registry,
        relay::Relay,
        turn::{Backlog, Bench},
        tutor::TutorActor,
    },
    auth::{Auth, AuthError, DemoAccount, SecretError, Settings, oidc::Logouts},
    bus::Bus,
    config::{Config, NodeRole},
    course::{CourseError, Courses},
    domain::{
        clock::SharedClock,
        ids::{NodeId, SharedIds},
    },
    mail::Mailer,
    rag::{Index, bm25::Bm25},
    store::{Store, StoreError, nodes::Owner},
    telemetry::{Metrics, Problems},
    turnlog::TurnLog,
    tutor::Tutor,
};

#[cfg(test)]
mod clockwork_tests;
mod drain;
mod mail;
mod model;
mod roles;
mod server;
mod shared;
#[cfg(test)]
mod upstream_tests;

pub(crate) use drain::drain;
pub(crate) use server::{bind, serve};
use shared::Shared;

/// Why the program cannot start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error(
        "another server uses the data folder {0}: stop it first, or give this one a folder of \
         its own with --data-dir"
    )]
    InUse(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Course(#[from] CourseError),
    #[error("the built-in course: {0}")]
    BuiltIn(#[from] crate::importer::ImportError),
    #[error(transparent)]
    Mailer(#[from] crate::mail::MailerError),
    #[error("the model: {0}")]
    Model(String),
}

impl AppError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }
}

/// What the command line decides about a server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    pub demo: bool,
}

/// The running parts of one node.
pub(crate) struct App {
    pub hub: Arc<Hub>,
    pub auth: Arc<Auth>,
    pub store: Arc<Store>,
    pub courses: Arc<Courses>,
    pub metrics: Arc<Metrics>,
    pub me: Owner,
    pub public_url: String,
    pub demo_accounts: Vec<DemoAccount>,
    /// Held for as long as the server runs.
    _lock: File,
}

/// What every part is made with.
pub(crate) struct Ground {
    pub config: Config,
    pub clock: SharedClock,
    pub ids: SharedIds,
    /// What the log has warned of.
    pub problems: Problems,
}

impl App {
    /// Builds a node that will be reached under `listener`. Must run in an actix system.
    pub(crate) async fn build(
        ground: &Ground,
        options: Options,
        listener: &TcpListener,
        store: impl Future<Output = Result<Arc<Store>, StoreError>>,
    ) -> Result<Self, AppError> {
        let Ground { config, clock, ids, .. } = ground;
        let dir = &config.data.dir;
        let lock = lock(dir)?;
        let port = listener.local_addr().map_err(AppError::io(dir))?.port();
        let public_url = config.public_url_for(port);
        let store = store.await?;
        let me = Owner { node: node_id(dir, ids)?, incarnation: ids.token(16) };
        // Before anything is cached: what changes from here on is read by the watcher.
        let seq = store.last_change().await?;
        store.register_node(&me, clock.now()).await?;

        let settings = Settings::from_config(config, public_url.clone(), options.demo, &**ids)?;
        let (clock_, ids_) = (Arc::clone(clock), Arc::clone(ids));
        let auth =
            Arc::new(Box::pin(Auth::open(settings, Arc::clone(&store), clock_, ids_)).await?);
        // Else a second node would change the passwords that the first has shown.
        let shows = options.demo && config.server.roles.has(NodeRole::Auth);
        let demo_accounts = if shows { auth.ensure_demo_accounts().await? } else { Vec::new() };

        let index: Arc<dyn Index> = Arc::new(Bm25::default());
        let courses =
            Arc::new(Courses::new(Arc::clone(&store), Arc::clone(&index), Arc::clone(clock)));
        courses.load_index().await?;
        courses.save(crate::importer::builtin::read()?).await?;

        let mailer = mail::mailer(&config.mail)?;
        let tutor = Arc::new(model::tutor(&config.tutor, index, Arc::clone(ids))?);
        let metrics = Arc::new(Metrics::new());
        let parts = Parts { store, auth, courses, tutor, metrics, me, seq };
        let hub = Arc::new(parts.start(ground, mailer));
        let Parts { store, auth, courses, metrics, me, .. } = parts;
        Ok(Self { hub, auth, store, courses, metrics, me, public_url, demo_accounts, _lock: lock })
    }
}

/// The services, ready to be used by actors.
struct Parts {
    store: Arc<Store>,
    auth: Arc<Auth>,
    courses: Arc<Courses>,
    tutor: Arc<Tutor>,
    metrics: Arc<Metrics>,
    me: Owner,
    seq: i64,
}

impl Parts {
    /// Starts the node's actors: the tutor on a thread of its own, the others on a second.
    fn start(&self, ground: &Ground, mailer: Option<Arc<dyn Mailer>>) -> Hub {
        let Ground { config, clock, ids, .. } = ground;
        let (limits, live) = (config.limits.clone(), config.live.clone());
        let Shared { log, bus, link } =
            Shared::start(&config.redis, clock, ids, &self.metrics, &self.me.node);
        let control = Arbiter::new();

        let lease = Arc::new(Lease::default());
        let bench = Arc::new(self.bench(ground, &log, &bus, &lease));
        let tutor = roles::tutor(config.server.roles, bench);
        let registry = supervise(&control, Registry::default);
        let leaving = Leaving::new(tutor.clone(), registry.clone());
        let (wakes, sessions) = (bus.clone(), registry.clone());
        let relay = supervise(&control, move || Relay::new(wakes, sessions));
        let local = Arc::new(self.local(ground, &tutor, &registry));
        let ways = self.ways(ground, &bus, &lease, (&local, &registry));
        let (peers, presence) = self.start_peers(ways, &control);
        let (time, silent) = (Arc::clone(clock), limits.sockets_without_hello_per_address);
        let limiter = supervise(&control, move || RateLimiter::new(time, silent));
        let sources = Sources {
            store: Arc::clone(&self.store),
            log: Arc::clone(&log),
            clock: Arc::clone(clock),
            local,
            peers: peers.clone().recipient(),
        };
        let feeds = supervise(&control, move || Feeds::new(sources));
        let vitals = self.vitals(config, &leaving, lease, &bus);
        self.start_janitor(&control, clock, &log, vitals);
        self.start_watcher(&control, &registry, &leaving, &bus);
        roles::keep_issuer_keys(&self.auth, &control);
        self.start_postman(config, mailer, &control);
        Hub {
            store: Arc::clone(&self.store),
            log,
            bus,
            link,
            auth: Arc::clone(&self.auth),
            courses: Arc::clone(&self.courses),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
            metrics: Arc::clone(&self.metrics),
            node: self.me.node.clone(),
            tutor_kind: self.tutor.kind().as_str(),
            started_at: clock.now(),
            leaving,
            limits,
            ladder: self.tutor.rules(),
            live,
            tutor,
            relay,
            presence,
            peers,
            registry,
            feeds,
            limiter,
        }
    }

    /// How this process is, for the janitor.
    fn vitals(&self, config: &Config, leaving: &Leaving, lease: Arc<Lease>, bus: &Bus) -> Vitals {
        Vitals {
            metrics: Arc::clone(&self.metrics),
            leaving: leaving.clone(),
            lease,
            bus: bus.clone(),
            events_kept: config.accounts.events_kept_ms(),
            auth: Arc::clone(&self.auth),
        }
    }

    /// The exchange with other nodes, and who is where on all of them.
    fn start_peers(&self, ways: Ways, control: &Arbiter) -> (Addr<Peers>, Addr<Presence>) {
        let (clock, ids) = (Arc::clone(&ways.clock), Arc::clone(&ways.ids));
        let (names, joined) = (self.auth.stays().clone(), ways.bus.reaches_others());
        let peers = supervise(control, move || Peers::new(ways));
        let others = joined.then(|| peers.clone());
        let presence = supervise(control, move || Presence::new(clock, ids, names, others));
        (peers, presence)
    }

    /// Where accounts are, mail is written, and apps are told of sign-outs.
    fn start_postman(&self, config: &Config, mailer: Option<Arc<dyn Mailer>>, control: &Arbiter) {
        if config.server.roles.has(NodeRole::Auth) {
            let logouts = Arc::new(Logouts::new(Arc::clone(&self.auth)));
            supervise(control, move || Backchannel::new(logouts));
            mail::deliver(&config.mail, mailer, &self.auth, &self.metrics, control);
        }
    }

    fn start_janitor(
        &self,
        control: &Arbiter,
        clock: &SharedClock,
        log: &Arc<dyn TurnLog>,
        vitals: Vitals,
    ) {
        let (store, log) = (Arc::clone(&self.store), Arc::clone(log));
        let (clock, me) = (Arc::clone(clock), self.me.clone());
        supervise(control, move || Janitor::new(store, log, clock, me, vitals));
    }

    fn start_watcher(
        &self,
        control: &Arbiter,
        registry: &Addr<Registry>,
        leaving: &Leaving,
        bus: &Bus,
    ) {
        let concerned = Concerned {
            node: self.me.node.clone(),
            auth: Arc::clone(&self.auth),
            courses: Arc::clone(&self.courses),
            registry: registry.clone(),
            leaving: leaving.clone(),
            bus: bus.clone(),
        };
        let (store, seq) = (Arc::clone(&self.store), self.seq);
        supervise(control, move || ChangeWatcher::new(store, concerned, seq));
    }

    /// What this node itself shows.
    fn local(&self, ground: &Ground, tutor: &Addr<TutorActor>, registry: &Addr<Registry>) -> Local {
        Local {
            node: self.me.node.clone(),
            registry: registry.clone().recipient(),
            tutor: tutor.clone().recipient(),
            problems: ground.problems.clone(),
        }
    }

    /// What the exchange with other nodes is made with.
    fn ways(
        &self,
        ground: &Ground,
        bus: &Bus,
        lease: &Arc<Lease>,
        (local, registry): (&Arc<Local>, &Addr<Registry>),
    ) -> Ways {
        Ways {
            bus: bus.clone(),
            store: Arc::clone(&self.store),
            lease: Arc::clone(lease),
            clock: Arc::clone(&ground.clock),
            ids: Arc::clone(&ground.ids),
            local: Arc::clone(local),
            find: registry.clone().recipient(),
            act: registry.clone().recipient(),
            say: registry.clone().recipient(),
        }
    }

    fn bench(
        &self,
        ground: &Ground,
        log: &Arc<dyn TurnLog>,
        bus: &Bus,
        lease: &Arc<Lease>,
    ) -> Bench {
        let count = |slots: u32| usize::try_from(slots).unwrap_or(usize::MAX).max(1);
        let limits = &ground.config.limits;
        Bench {
            store: Arc::clone(&self.store),
            log: Arc::clone(log),
            bus: bus.clone(),
            tutor: Arc::clone(&self.tutor),
            courses: Arc::clone(&self.courses),
            clock: Arc::clone(&ground.clock),
            ids: Arc::clone(&ground.ids),
            metrics: Arc::clone(&self.metrics),
            me: self.me.clone(),
            lease: Arc::clone(lease),
            backlog: Backlog::default(),
            slots_student: count(limits.running_turns_student),
            slots_staff: count(limits.running_turns_staff),
        }
    }
}

fn supervise<A>(arbiter: &Arbiter, make: impl FnOnce() -> A + Send + 'static) -> Addr<A>
where
    A: Actor<Context = Context<A>> + Supervised,
{
    Supervisor::start_in_arbiter(&arbiter.handle(), move |_| make())
}

/// One server a data folder. The lock goes with the process, however it ends.
fn lock(dir: &Path) -> Result<File, AppError> {
    std::fs::create_dir_all(dir).map_err(AppError::io(dir))?;
    let path = dir.join("lock");
    let file = File::create(&path).map_err(AppError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AppError::InUse(dir.display().to_string())),
        Err(TryLockError::Error(error)) => Err(AppError::io(&path)(error)),
    }
}

/// A node keeps its name over restarts, so that its next process ends the lease of the last.
fn node_id(dir: &Path, ids: &SharedIds) -> Result<NodeId, AppError> {
    let path = dir.join("node");
    match std::fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => Ok(NodeId::new(name.trim())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(AppError::io(&path)(error)),
        _ => {
            let name = format!("n-{}", ids.token(6).to_lowercase());
            std::fs::write(&path, &name).map_err(AppError::io(&path))?;
            Ok(NodeId::new(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SeededIds;

    #[test]
    fn a_second_server_on_one_data_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path()).unwrap();

        assert!(matches!(lock(folder.path()), Err(AppError::InUse(_))));
        drop(first);
        assert!(lock(folder.path()).is_ok());
    }

    #[test]
    fn a_node_keeps_its_name_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let ids: SharedIds = Arc::new(SeededIds::new(1));
        let first = node_id(folder.path(), &ids).unwrap();

        assert_eq!(node_id(folder.path(), &ids).unwrap(), first);
    }
}
