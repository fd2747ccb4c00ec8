//! SQLite: one writer that commits in groups, and a few readers.
//!
//! `synchronous=FULL` makes every commit wait for the disk, so waiting transactions share one:
//! the writer opens a transaction, runs each queued job in a savepoint of its own, commits, and
//! only then answers. A job that fails rolls back its savepoint alone. The first needs none: for a
//! savepoint every page is copied that is changed. The writer is a thread of its own, on which its
//! statements run.

use std::{path::Path, thread, time::Duration};

use diesel::{
    ConnectionError, ConnectionResult, QueryResult, SqliteConnection, dsl,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::Integer,
    sqlite::Sqlite,
};
use diesel_async::{
    AsyncConnection, AsyncConnectionCore, RunQueryDsl,
    methods::LoadQuery,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, PoolableConnection, RecyclingMethod,
        deadpool::{Object, Pool, PoolError},
    },
    sync_connection_wrapper::SyncConnectionWrapper,
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use super::{StoreError, blocking::Blocking, in_place::InPlace};

/// The writer's, and those for short looks.
pub(crate) type LiteConnection = InPlace;
/// A reader's: whoever asked may go away at any time.
pub(crate) type LiteReader = SyncConnectionWrapper<SqliteConnection, Blocking>;

/// Of either kind.
const READERS: usize = 4;
/// Transactions that may wait for the writer; one more is [`StoreError::Overloaded`].
const QUEUE: usize = 4_096;
/// Transactions that share one commit.
const BATCH: usize = 64;
const WAIT_FOR_READER: Duration = Duration::from_secs(5);

/// `busy_timeout` is for the command line working beside a server. `temp_store`: what the savepoints
/// of a group would roll back to is else written to a temporary file as soon as it is 64 KiB.
/// `wal_autocheckpoint`, in pages of 4 KiB: pages that are written all the time are copied into the
/// file a quarter as often as by default.
const WRITER_SETUP: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; \
    PRAGMA wal_autocheckpoint = 4000;";
const READER_SETUP: &str =
    "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;";

/// Tells a job's caller how it ended, once the commit is known.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// What has run, and whether what it wrote is to stay.
struct Ran {
    answer: Answer,
    stays: bool,
}
type Job = Box<dyn for<'c> FnOnce(&'c mut LiteConnection) -> BoxFuture<'c, Ran> + Send>;

pub(crate) struct Lite {
    readers: Pool<LiteReader>,
    lookers: Pool<LiteConnection>,
    jobs: mpsc::Sender<Job>,
}

impl Lite {
    /// The writer lives as long as the store does, with `runtime` around it.
    pub(crate) async fn open(path: &Path, runtime: &Handle) -> Result<Self, StoreError> {
        let url = path.to_string_lossy().into_owned();
        let jobs = start_writer(url.clone(), runtime.clone()).await?;
        Ok(Self { readers: readers(url.clone())?, lookers: readers(url)?, jobs })
    }

    pub(crate) async fn reader(&self) -> Result<Object<LiteReader>, PoolError> {
        self.readers.get().await
    }

    pub(crate) async fn looker(&self) -> Result<Object<LiteConnection>, PoolError> {
        self.lookers.get().await
    }

    /// Runs `job` in a transaction and answers after COMMIT.
    pub(crate) async fn write<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut LiteConnection) -> BoxFuture<'c, Result<T, StoreError>>
            + Send
            + 'static,
    {
        let (done, answer) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            async move {
                let result = job(conn).await;
                let stays = result.is_ok();
                let answer: Answer = Box::new(move |commit: Result<(), StoreError>| {
                    // A caller that went away has no use for the answer.
                    let _ = done.send(result.and_then(|value| commit.map(|()| value)));
                });
                Ran { answer, stays }
            }
            .boxed()
        });
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => {
                StoreError::Unavailable("the writer has stopped".into())
            }
        })?;
        // With the writer, or with a group that broke off before it was this one's turn.
        answer.await.map_err(|_| StoreError::Unavailable("the write was given up".into()))?
    }
}

fn readers<C>(url: String) -> Result<Pool<C>, StoreError>
where
    C: PoolableConnection + AsyncConnectionCore<Backend = Sqlite> + 'static,
    for<'a> dsl::select<dsl::AsExprOf<i32, Integer>>: LoadQuery<'a, C, i32>,
{
    let mut config = ManagerConfig::default();
    // A file does not go away between two statements.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(|url| connect(url.to_owned(), READER_SETUP).boxed());
    let manager = AsyncDieselConnectionManager::new_with_config(url, config);
    Pool::builder(manager)
        .max_size(READERS)
        .wait_timeout(Some(WAIT_FOR_READER))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// Gives the queue of the writer once it has opened the file.
async fn start_writer(url: String, runtime: Handle) -> Result<mpsc::Sender<Job>, StoreError> {
    let (jobs, queue) = mpsc::channel(QUEUE);
    let (opened, open) = oneshot::channel();
    let work = async move {
        let writer: ConnectionResult<LiteConnection> = connect(url, WRITER_SETUP).await;
        match writer {
            Ok(writer) => {
                let _ = opened.send(Ok(()));
                write_in_groups(writer, queue).await;
            }
            Err(error) => drop(opened.send(Err(error))),
        }
    };
    let failed = |error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("the writer did not start: {error}"))
    };
    thread::Builder::new()
        .name("sqlite-writer".into())
        .spawn(move || runtime.block_on(work))
        .map_err(|error| failed(&error))?;
    open.await.map_err(|error| failed(&error))??;
    Ok(jobs)
}

async fn write_in_groups(mut writer: LiteConnection, mut queue: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let mut answers = Vec::with_capacity(batch.len());
        let commit = in_one_transaction(&mut writer, batch.drain(..), &mut answers).await;
        let failure = commit.err().map(|error| error.to_string());
        for answer in answers {
            answer(
                failure.as_ref().map_or(Ok(()), |text| Err(StoreError::Unavailable(text.clone()))),
            );
        }
    }
}

async fn in_one_transaction(
    writer: &mut LiteConnection,
    jobs: impl Iterator<Item = Job>,
    answers: &mut Vec<Answer>,
) -> QueryResult<()> {
    let done = run_all(writer, jobs, answers).await;
    if done.is_err() {
        // There may be none left to roll back.
        let _ = Step("ROLLBACK").execute(writer).await;
    }
    done
}

async fn run_all(
    writer: &mut LiteConnection,
    jobs: impl Iterator<Item = Job>,
    answers: &mut Vec<Answer>,
) -> QueryResult<()> {
    Step("BEGIN IMMEDIATE").execute(writer).await?;
    // Whether anything was written that is to stay.
    let mut kept = false;
    for job in jobs {
        if kept {
            Step("SAVEPOINT job").execute(writer).await?;
        }
        let Ran { answer, stays } = job(writer).await;
        answers.push(answer);
        match (kept, stays) {
            (true, true) => Step("RELEASE job").execute(writer).await?,
            (true, false) => {
                Step("ROLLBACK TO job").execute(writer).await?;
                Step("RELEASE job").execute(writer).await?
            }
            (false, true) => {
                kept = true;
                0
            }
            (false, false) => {
                // There is none left if the database gave up.
                let _ = Step("ROLLBACK").execute(writer).await;
                Step("BEGIN IMMEDIATE").execute(writer).await?
            }
        };
    }
    Step("COMMIT").execute(writer).await?;
    Ok(())
}

/// A statement of the writer's own, which is prepared once as any other.
#[derive(Debug, Clone, Copy)]
struct Step(&'static str);

impl QueryFragment<Sqlite> for Step {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(self.0);
        Ok(())
    }
}

impl QueryId for Step {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

async fn connect<C: AsyncConnection>(url: String, setup: &str) -> ConnectionResult<C> {
    let mut connection = C::establish(&url).await?;
    connection.batch_execute(setup).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use diesel_async::RunQueryDsl;

    use crate::{
        domain::clock::Millis,
        store::{StoreError, contract::on_lite, db::write},
    };

    /// As SQLite does by itself on a full disk.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_transaction_that_is_gone_before_its_end_takes_none_of_the_next_along() {
        let (store, _folder) = on_lite().await;
        for says_well in [false, true] {
            let torn: Result<(), StoreError> = write!(store, |conn| {
                diesel::sql_query("ROLLBACK").execute(conn).await?;
                if says_well { Ok(()) } else { Err(StoreError::Overloaded) }
            });
            assert!(torn.is_err(), "nothing was committed");

            store.note_change("key", "one", Millis(1)).await.unwrap();
        }
        assert_eq!(store.last_change().await.unwrap(), 2);
    }
}
