//! The name under which the model's provider has the answer: noted for whoever owns the turn next,
//! and used to stop it.

use std::sync::Arc;

use futures_util::future::{BoxFuture, Fuse, FutureExt};

use super::{RETRY_STORE, Writer};
use crate::store::StoreError;

/// Puts a name into the store while the answer goes on.
pub(super) type Noting = Fuse<BoxFuture<'static, ()>>;

impl Writer {
    /// Waits for a store that is away. A turn that is somebody else's by now has another name.
    pub(super) fn note_upstream(&mut self, name: String) -> Noting {
        if self.turn.upstream.as_ref() == Some(&name) {
            return Noting::terminated();
        }
        self.turn.upstream = Some(name.clone());
        let (bench, turn, fence) = (Arc::clone(&self.bench), self.turn.id.clone(), self.turn.fence);
        let note = async move {
            while let Err(error) = bench.store.note_upstream(&turn, fence, &name).await {
                tracing::warn!(%turn, %error, "the provider's name of an answer is not noted");
                if !matches!(error, StoreError::Unavailable(_)) {
                    return;
                }
                tokio::time::sleep(RETRY_STORE).await;
            }
        };
        note.boxed().fuse()
    }

    /// Whoever asked does not want the answer: nobody will read it.
    pub(super) fn cancel_upstream(&self) {
        if let Some(name) = &self.turn.upstream {
            self.bench.tutor.cancel(name);
        }
    }
}
