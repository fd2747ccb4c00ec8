//! What happens before anything is measured: room for sockets, accounts, sign-ins, the history.

use std::sync::Arc;

use serde_json::json;

use super::{
    Common, Context, Failure,
    client::{Client, Run},
    descriptors,
    history::{Journal, Trail},
    people::{self, Person},
    progress, seconds,
    server::Watcher,
    tally::Board,
};
use crate::cli::client::door;

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
    server_pid: Option<u32>,
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
        let people = people::sign_in(&common.url, accounts, common.sign_ins).await?;
        let journal = match &common.history {
            Some(place) => {
                let journal = Journal::open(place, manner.mode, common.texts)?;
                let now = context.clock.now();
                journal.head(manner.mode, common.users, common.url.as_str(), now).await;
                Some(journal)
            }
            None => None,
        };
        let run = Arc::new(Run {
            url: door::live_url(&common.url)?,
            clock: Arc::clone(&context.clock),
            ids: Arc::clone(&context.ids),
            page: (!common.course.is_empty()).then(|| json!({ "course": common.course })),
            patience: seconds(common.patience),
            forgiving: manner.forgiving,
            repeat: manner.repeat,
        });
        Ok(Self { run, people, journal, server_pid: common.server_pid, next: 0 })
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

    /// Looks at the server from now on, if it is on this machine.
    pub(crate) fn watch(&self) -> Result<Option<Watcher>, Failure> {
        let watcher = self.server_pid.map(|pid| {
            Watcher::start(pid)
                .map_err(|error| Failure::new(format!("process {pid} cannot be seen: {error}")))
        });
        watcher.transpose()
    }

    /// Waits until the history is in its file. All clients must have left.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        if let Some(journal) = self.journal {
            let path = journal.close().await.map_err(|error| {
                Failure::new(format!("the history could not be written: {error}"))
            })?;
            progress(&format!("the history is in {}", path.display()));
        }
        Ok(())
    }
}
