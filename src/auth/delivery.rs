//! Takes mail from the outbox table to its readers: claims it, so that no other node sends it too,
//! tries it, and writes down how that ended. At least once: a node that dies between the server's
//! answer and our note leaves the mail to be sent again, with the same id.

use std::sync::Arc;

use super::{Auth, AuthError};
use crate::{
    domain::clock::Millis,
    mail::{Mailer, Patience, Undelivered},
    store::outbox::{MailCounts, OutboxMail},
};

/// A try is given up so much later than its server was: nobody takes the mail meanwhile.
const MARGIN: i64 = 10_000;

/// How mail is delivered here.
pub(crate) struct Delivery {
    pub auth: Arc<Auth>,
    /// None: mail stays where it is.
    pub mailer: Option<Arc<dyn Mailer>>,
    pub patience: Patience,
    /// The longest that one try takes, in milliseconds.
    pub timeout: i64,
    /// Milliseconds that mail is kept.
    pub kept: i64,
}

/// How one try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    Sent,
    /// It waits for another try.
    Failed,
    Dead,
}

impl Delivery {
    pub(crate) fn leaves(&self) -> bool {
        self.mailer.is_some()
    }

    pub(crate) async fn counts(&self) -> Result<MailCounts, AuthError> {
        Ok(self.auth.store.mail_counts().await?)
    }

    /// Takes up to `most` mails that are due.
    pub(crate) async fn claim(&self, most: usize) -> Result<Vec<OutboxMail>, AuthError> {
        let (claim, now) = (self.auth.ids.token(16), self.auth.clock.now());
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let lease = self.timeout.saturating_add(MARGIN);
        Ok(self.auth.store.claim_mails(&claim, most, lease, now).await?)
    }

    /// Tries a mail that [`Self::claim`] gave.
    pub(crate) async fn attempt(&self, row: &OutboxMail) -> Result<Tried, AuthError> {
        let (Some(mailer), Some(claim)) = (&self.mailer, &row.claim) else {
            return Ok(Tried::Failed);
        };
        let result = match self.auth.letter(row) {
            Some(letter) => mailer.deliver(&letter).await,
            None => Err(Undelivered::Never(
                "its content cannot be opened: every node needs the same auth.secret".to_owned(),
            )),
        };
        let (store, now) = (&self.auth.store, self.auth.clock.now());
        let tries = u32::try_from(row.tries).unwrap_or(u32::MAX);
        let (again, why) = match result {
            Ok(()) => {
                store.mail_sent(&row.id, claim, self.auth.shows_mail(), now).await?;
                return Ok(Tried::Sent);
            }
            Err(Undelivered::Never(why)) => (None, why),
            Err(Undelivered::Later(why)) => (self.patience.after(tries, self.chance()), why),
        };
        store.mail_failed((&row.id, claim), &why, again, now).await?;
        let (id, kind) = (&row.id, &row.kind);
        if let Some(wait_ms) = again {
            tracing::warn!(id, kind, tries, wait_ms, why, "a mail was not taken; tried again");
            return Ok(Tried::Failed);
        }
        tracing::error!(id, kind, tries, why, "a mail is given up: see /api/v1/admin/mail");
        Ok(Tried::Dead)
    }

    /// Removes mail that is kept no longer.
    pub(crate) async fn forget(&self) -> Result<usize, AuthError> {
        let before = Millis(self.auth.clock.now().0.saturating_sub(self.kept));
        Ok(self.auth.store.forget_mails(before).await?)
    }

    fn chance(&self) -> u16 {
        let mut bytes = [0; 2];
        self.auth.ids.fill(&mut bytes);
        u16::from_le_bytes(bytes)
    }
}
