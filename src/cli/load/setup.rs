//! What happens before anything is measured: room for sockets, accounts, sign-ins, the history.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use super::{
    Common, Context, Failure,
    client::{Client, Run},
    descriptors,
    history::{Journal, Trail},
    people::{self, Person},
    progress, seconds,
    server::{self, Watcher},
    tally::Board,
};
use crate::cli::client::{door, nodes::Nodes};

/// What a mode says of itself.
pub(crate) struct Manner {
    pub(crate) mode: &'static str,
    /// Sockets at the same time.
    pub(crate) sockets: usize,
    /// Lost connections are expected.
    pub(crate) forgiving: bool,
    pub(crate) repeat: u32,
}

pub(crate) struct Setup {
    pub(crate) run: Arc<Run>,
    pub(crate) people: Vec<Arc<Person>>,
    journal: Option<Journal>,
    /// Write what the servers take into the history.
    recorders: JoinSet<()>,
    server_pids: Vec<u32>,
    also_pids: Vec<(String, u32)>,
    next: u32,
}

impl Setup {
    pub(crate) async fn new(
        context: &Context,
        common: &Common,
        manner: Manner,
    ) -> Result<Self, Failure> {
        descriptors::make_room(manner.sockets)?;
        let mut accounts = people::accounts(&common.accounts)?;
        accounts.truncate(common.users.max(1));
        if accounts.len() < common.users {
            let (users, count) = (common.users, accounts.len());
            progress(&format!("{users} users share {count} accounts"));
        }
        let no_url = || Failure::new("no --url was given");
        let nodes = Nodes::new(common.url.iter().cloned()).ok_or_else(no_url)?;
        let people = people::sign_in(&nodes, accounts, common.sign_ins).await?;
        let live = nodes.all().map(door::live_url).collect::<Result<Vec<_>, _>>()?;
        let journal = match &common.history {
            Some(place) => {
                let journal = Journal::open(place, manner.mode, common.texts)?;
                let now = context.clock.now();
                journal.head(manner.mode, common.users, &common.url, now).await;
                Some(journal)
            }
            None => None,
        };
        let run = Arc::new(Run {
            live: Nodes::new(live).ok_or_else(no_url)?,
            clock: Arc::clone(&context.clock),
            ids: Arc::clone(&context.ids),
            page: (!common.course.is_empty()).then(|| json!({ "course": common.course })),
            patience: seconds(common.patience),
            forgiving: manner.forgiving,
            repeat: manner.repeat,
        });
        let mut recorders = JoinSet::new();
        if let Some(journal) = &journal {
            for pid in &common.server_pid {
                recorders.spawn(server::record(*pid, journal.trail(0)));
            }
        }
        let (server_pids, also_pids) = (common.server_pid.clone(), common.also_pid.clone());
        Ok(Self { run, people, journal, recorders, server_pids, also_pids, next: 0 })
    }

    /// So many clients that count on this board. The people are dealt out in turn.
    pub(crate) fn clients(&mut self, count: usize, board: &Arc<Board>) -> Vec<Client> {
        let people = self.people.clone();
        people.iter().cycle().take(count).map(|person| self.client(person, board)).collect()
    }

    pub(crate) fn client(&mut self, person: &Arc<Person>, board: &Arc<Board>) -> Client {
        self.next += 1;
        let trail = self.journal.as_ref().map_or_else(Trail::default, |it| it.trail(self.next));
        let (run, board, person) = (Arc::clone(&self.run), Arc::clone(board), Arc::clone(person));
        Client::new(run, board, person, (self.next, trail))
    }

    /// Looks at the servers from now on, if they are on this machine.
    pub(crate) fn watch(&self) -> Result<Option<Watcher>, Failure> {
        if self.server_pids.is_empty() && self.also_pids.is_empty() {
            return Ok(None);
        }
        Watcher::start(&self.server_pids, &self.also_pids).map(Some)
    }

    /// Waits until the history is in its file. All clients must have left.
    pub(crate) async fn close(mut self) -> Result<(), Failure> {
        self.recorders.shutdown().await;
        if let Some(journal) = self.journal {
            let path = journal.close().await.map_err(|error| {
                Failure::new(format!("the history could not be written: {error}"))
            })?;
            progress(&format!("the history is in {}", path.display()));
        }
        Ok(())
    }
}
