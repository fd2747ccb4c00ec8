//! Mail to the outbox table: kept by the store, so that a crash loses none.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    domain::{
        clock::SharedClock,
        ids::{SharedIds, prefixed},
    },
    mail::{Mail, MailError, Mailer},
    store::{Store, outbox::OutboxMail},
};

/// The twin of [`Mailer`] that keeps mail to be shown at `/dev/mail`.
pub(crate) struct Outbox {
    store: Arc<Store>,
    clock: SharedClock,
    ids: SharedIds,
}

impl Outbox {
    pub(crate) fn new(store: Arc<Store>, clock: SharedClock, ids: SharedIds) -> Self {
        Self { store, clock, ids }
    }
}

impl Mailer for Outbox {
    fn post(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        async move {
            let now = self.clock.now();
            let links = serde_json::json!(mail.links()).to_string();
            let row = OutboxMail {
                id: prefixed(self.ids.as_ref(), "mail", now),
                kind: mail.kind.as_str().to_owned(),
                recipient: mail.to,
                subject: mail.subject,
                body: mail.body,
                links,
                created_at: now.0,
                sent_at: None,
            };
            self.store.insert_mail(row).await.map_err(|error| MailError(error.to_string()))
        }
        .boxed()
    }
}
