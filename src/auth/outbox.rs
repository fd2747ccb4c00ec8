//! Mail in the outbox table: kept by the store before anything is sent, so that a crash loses none.
//!
//! Its links let people in. So that a copy of the database does not, the content is sealed with the
//! server's secret; in demo mode it stands in clear, for `/dev/mail`.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{Auth, AuthError, Identity, secret::Secret, sessions::Device};
use crate::{
    domain::{
        clock::SharedClock,
        email::NOWHERE,
        ids::{SharedIds, prefixed},
    },
    mail::{Letter, Mail, To},
    store::{
        Store, StoreError,
        audit::AuditEntry,
        outbox::{MailState, OutboxMail},
        users::User,
    },
};

const SEALING: &str = "outbox v1";

/// What becomes of mail here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posting {
    /// It goes to its readers, sooner or later; else it is only shown.
    pub leaves: bool,
    /// Its content stands in the database in clear, also when it was delivered.
    pub shown: bool,
}

/// Writes mail down.
pub(crate) struct Outbox {
    store: Arc<Store>,
    clock: SharedClock,
    ids: SharedIds,
    sealing: LessSafeKey,
    posting: Posting,
    news: Arc<Notify>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    text: String,
    html: String,
}

impl Outbox {
    pub(super) fn new(
        store: Arc<Store>,
        clock: SharedClock,
        ids: SharedIds,
        secret: &Secret,
        posting: Posting,
    ) -> Result<Self, AuthError> {
        let sealing = UnboundKey::new(&AES_256_GCM, &secret.key_for(SEALING))
            .map(LessSafeKey::new)
            .map_err(|_| AuthError::Broken("AES-256-GCM is not to be had".to_owned()))?;
        Ok(Self { store, clock, ids, sealing, posting, news: Arc::default() })
    }

    /// Writes a mail down. When this answers, it is kept, and will be tried to deliver.
    pub(super) async fn post(&self, mail: Mail) -> Result<(), AuthError> {
        if let Some(row) = self.row(mail)? {
            self.store.insert_mail(row).await?;
            self.told();
        }
        Ok(())
    }

    /// The row of a mail, to be stored with what it is about; none where nobody reads mail.
    pub(super) fn row(&self, mail: Mail) -> Result<Option<OutboxMail>, AuthError> {
        let Mail { kind, to, subject, text, html, link } = mail;
        if to.ends_with(NOWHERE) {
            return Ok(None);
        }
        let now = self.clock.now();
        let state = if self.posting.leaves { MailState::Queued } else { MailState::Kept };
        let mut row = OutboxMail {
            id: prefixed(self.ids.as_ref(), "mail", now),
            kind: kind.as_str().to_owned(),
            recipient: to,
            subject,
            body: text,
            links: serde_json::json!(Vec::from_iter(link)).to_string(),
            created_at: now.0,
            sent_at: None,
            html,
            state: state.as_str().to_owned(),
            sealed: false,
            tries: 0,
            next_try_at: now.0,
            claim: None,
            last_error: None,
        };
        if !self.posting.shown {
            self.seal(&mut row)?;
        }
        Ok(Some(row))
    }

    /// Whether mail is read by anybody: it leaves, or is shown.
    pub(super) const fn is_read(&self) -> bool {
        self.posting.leaves || self.posting.shown
    }

    /// A mail was stored: whoever delivers mail here need not wait for its time.
    pub(super) fn told(&self) {
        self.news.notify_one();
    }

    fn seal(&self, row: &mut OutboxMail) -> Result<(), AuthError> {
        let broken = |_| AuthError::Broken("a mail cannot be sealed".to_owned());
        let content =
            Content { text: std::mem::take(&mut row.body), html: std::mem::take(&mut row.html) };
        let mut bytes = serde_json::to_vec(&content).map_err(StoreError::from)?;
        let mut nonce = [0; NONCE_LEN];
        self.ids.fill(&mut nonce);
        let unique = Nonce::assume_unique_for_key(nonce);
        self.sealing
            .seal_in_place_append_tag(unique, Aad::from(row.id.as_bytes()), &mut bytes)
            .map_err(broken)?;
        row.body = STANDARD.encode([&nonce[..], &bytes].concat());
        "[]".clone_into(&mut row.links);
        row.sealed = true;
        Ok(())
    }

    /// The letter in a row. None if it is sealed with another secret, or empty.
    fn open(&self, row: &OutboxMail) -> Option<Letter> {
        let content = if row.sealed {
            let bytes = STANDARD.decode(&row.body).ok()?;
            let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
            let mut sealed = sealed.to_vec();
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let aad = Aad::from(row.id.as_bytes());
            let opened = self.sealing.open_in_place(nonce, aad, &mut sealed).ok()?;
            serde_json::from_slice(opened).ok()?
        } else {
            Content { text: row.body.clone(), html: row.html.clone() }
        };
        let Content { text, html } = content;
        let (id, to, subject) = (row.id.clone(), row.recipient.clone(), row.subject.clone());
        (!text.is_empty()).then_some(Letter { id, to, subject, text, html })
    }
}

impl Auth {
    /// Tells that mail was written down. The same for all calls.
    pub(crate) fn mail_news(&self) -> Arc<Notify> {
        Arc::clone(&self.mailer.news)
    }

    /// Whether delivered mail stays in clear, to be shown.
    pub(crate) fn shows_mail(&self) -> bool {
        self.mailer.posting.shown
    }

    /// What is to be delivered of a row.
    pub(crate) fn letter(&self, row: &OutboxMail) -> Option<Letter> {
        self.mailer.open(row)
    }

    /// Tries a dead letter anew.
    pub(crate) async fn retry_mail(&self, admin: &Identity, id: &str) -> Result<(), AuthError> {
        self.store.retry_mail(id, self.audited(admin, "retry_mail", id)).await?;
        self.mailer.told();
        Ok(())
    }

    pub(crate) async fn remove_mail(&self, admin: &Identity, id: &str) -> Result<(), AuthError> {
        Ok(self.store.remove_mail(id, self.audited(admin, "remove_mail", id)).await?)
    }

    fn audited(&self, admin: &Identity, action: &str, id: &str) -> AuditEntry {
        let now = self.clock.now();
        AuditEntry {
            id: prefixed(&*self.ids, "aud", now),
            at: now.0,
            actor_id: admin.user.id.clone(),
            action: action.to_owned(),
            target: id.to_owned(),
            detail: "{}".to_owned(),
        }
    }

    /// Tells the owner that her account takes no password for a while (attack A5).
    pub(super) async fn tell_locked(&self, user: &User, device: &Device) {
        self.post(Mail::account_locked(to(user, device))).await;
    }
}

/// The stored address and name, in the language of the request.
pub(super) fn to<'a>(user: &'a User, device: &Device) -> To<'a> {
    To { address: &user.email, name: &user.name, locale: device.locale }
}

#[cfg(test)]
mod tests {
    use crate::{
        auth::{sessions::Device, tests::Bench},
        domain::role::Role,
        mail::Mail,
        store::users::tests::person,
    };

    const LINK: &str = "http://localhost:8080/api/auth/verify-email?token=t0ken";

    async fn posted(bench: &Bench) -> crate::store::outbox::OutboxMail {
        let ada = person("ada", Role::Student);
        bench.auth.post(Mail::verify_email(super::to(&ada, &Device::default()), LINK)).await;
        bench.store.mails(None, None).await.unwrap().remove(0)
    }

    /// Attack B4: links in a copy of the database.
    #[tokio::test(flavor = "multi_thread")]
    async fn outside_demo_mode_the_content_is_sealed_and_opens_for_its_own_row_alone() {
        let bench = Bench::at("http://localhost:8080", false).await;

        let row = posted(&bench).await;

        assert!(row.sealed && !format!("{row:?}").contains("t0ken"), "{row:?}");
        let letter = bench.auth.letter(&row).unwrap();
        assert!(letter.text.contains(LINK) && letter.html.contains("t0ken"));
        assert_eq!(letter.to, "ada@school.example");
        let mut moved = row.clone();
        moved.id.push('x');
        assert!(bench.auth.letter(&moved).is_none());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn in_demo_mode_it_is_shown_and_does_not_leave() {
        let bench = Bench::new().await;

        let row = posted(&bench).await;

        assert_eq!((row.state.as_str(), row.sealed), ("kept", false));
        assert_eq!(row.links, format!("[\"{LINK}\"]"));
    }
}
