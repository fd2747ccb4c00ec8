//! A stream written as a function that sends: the stream polls the function, so nothing is spawned,
//! and dropping the stream drops the function wherever it waits.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{
    Stream, StreamExt,
    future::{BoxFuture, FutureExt},
    stream::BoxStream,
};
use tokio::sync::mpsc::{self, Receiver};

/// The sending end. Waits until the reader took what was sent before.
pub(crate) struct Yielder<T>(mpsc::Sender<T>);

impl<T> Yielder<T> {
    pub(crate) async fn send(&self, item: T) {
        // The receiver lives in the same stream as this future: neither outlives the other.
        let _ = self.0.send(item).await;
    }
}

struct Generated<T> {
    items: Receiver<T>,
    /// `None` once it returned.
    body: Option<BoxFuture<'static, ()>>,
}

/// The items that `body` sends, in order; the stream ends when `body` returns.
pub(crate) fn generate<T, F>(body: impl FnOnce(Yielder<T>) -> F) -> BoxStream<'static, T>
where
    T: Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, items) = mpsc::channel(1);
    Generated { items, body: Some(body(Yielder(sender)).boxed()) }.boxed()
}

impl<T> Stream for Generated<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Poll::Ready(Some(item)) = self.items.poll_recv(cx) {
            return Poll::Ready(Some(item));
        }
        if let Some(body) = &mut self.body
            && body.as_mut().poll(cx).is_ready()
        {
            self.body = None;
        }
        self.items.poll_recv(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn everything_sent_arrives_in_order_and_then_the_end() {
        let numbers = generate(|out| async move {
            for n in 0..5 {
                out.send(n).await;
                tokio::task::yield_now().await;
            }
        });

        assert_eq!(numbers.collect::<Vec<_>>().await, [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn dropping_the_stream_drops_the_function_where_it_waits() {
        let guard = Arc::new(());
        let held = Arc::clone(&guard);
        let mut stream = generate(|out| async move {
            out.send(1).await;
            std::future::pending::<()>().await;
            drop(held);
        });

        assert_eq!(stream.next().await, Some(1));
        assert_eq!(Arc::strong_count(&guard), 2);
        drop(stream);
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}
