//! Where the statements of SQLite's readers run: on tokio's blocking threads, so that a caller may be
//! dropped at any time and on any runtime.
//!
//! `diesel-async`'s own runner finishes a dropped statement with `block_in_place`, which panics on
//! a current-thread runtime, and every actix worker is one: a client that hangs up in the middle
//! of a request would end in a panic. Ours waits on a condition variable instead.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::{Context, Poll},
};

use diesel_async::sync_connection_wrapper::SpawnBlocking;
use futures_util::future::BoxFuture;
use tokio::{runtime::Handle, task::JoinHandle};

type Failure = Box<dyn Error + Send + Sync>;

/// Uses the blocking threads of whichever runtime the caller is on.
pub(crate) struct Blocking;

impl SpawnBlocking for Blocking {
    fn spawn_blocking<'a, R>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Failure>>
    where
        R: Send + 'static,
    {
        let handle = match Handle::try_current() {
            Ok(handle) => handle,
            Err(error) => return Box::pin(async move { Err(Failure::from(error)) }),
        };
        let done = Arc::new(Done::default());
        let signal = Signal(Arc::clone(&done));
        let running = handle.spawn_blocking(move || {
            // Dropped after the task, and so after its hold on the connection.
            let _signal = signal;
            task()
        });
        Box::pin(Statement { running, done })
    }

    fn get_runtime() -> Self {
        Self
    }
}

#[derive(Default)]
struct Done {
    done: Mutex<bool>,
    changed: Condvar,
}

impl Done {
    fn set(&self) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        while !*done {
            done = self.changed.wait(done).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Says so however the task ends: by its end, by a panic, or unrun.
struct Signal(Arc<Done>);

impl Drop for Signal {
    fn drop(&mut self) {
        self.0.set();
    }
}

struct Statement<R> {
    running: JoinHandle<R>,
    done: Arc<Done>,
}

impl<R> Future for Statement<R> {
    type Output = Result<R, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.running).poll(cx).map_err(Failure::from)
    }
}

impl<R> Drop for Statement<R> {
    /// The connection goes back to its pool when the caller is dropped, and must be free by then.
    /// A statement takes a fraction of a millisecond, and few callers are dropped in one.
    fn drop(&mut self) {
        if !self.running.is_finished() {
            self.done.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::contract::on_lite;

    #[test]
    fn a_reader_may_be_dropped_in_a_statement_on_a_single_threaded_runtime() {
        let many = tokio::runtime::Runtime::new().unwrap();
        let (store, _folder) = many.block_on(on_lite());
        let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        one.block_on(async {
            for polls in 0..40 {
                let mut read = std::pin::pin!(store.last_change());
                for _ in 0..polls {
                    if futures_util::poll!(read.as_mut()).is_ready() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            assert_eq!(store.last_change().await.unwrap(), 0);
        });
    }
}
