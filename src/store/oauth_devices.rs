//! Devices without a browser that wait for their person (RFC 8628). What the device holds is stored
//! as a hash; what the person types is short, and guessing at it is limited elsewhere.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    db::{read, write},
    dialect::Keeper,
    schema::oauth_device,
};
use crate::domain::{
    clock::{Millis, SECOND},
    ids::{ClientId, SessionId, UserId},
};

const PENDING: &str = "pending";
const APPROVED: &str = "approved";
const DENIED: &str = "denied";

/// What a device that asks too soon has to wait longer (RFC 8628 §3.5).
pub(crate) const SLOWER: i64 = 5 * SECOND;
/// A device that waits as long as it was told may arrive so much sooner than it set out.
const JITTER: i64 = SECOND / 2;

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_device, treat_none_as_default_value = false)]
pub(crate) struct DeviceRow {
    /// SHA-256 of the device code, lower-case hex.
    pub hash: String,
    /// Eight letters, without the dash.
    pub user_code: String,
    pub client_id: ClientId,
    pub scope: String,
    /// Asked resources, as JSON.
    pub detail: String,
    /// Where the device asked from.
    pub address: String,
    pub agent: Option<String>,
    status: String,
    pub user_id: Option<UserId>,
    /// The sign-in in which the person agreed; the row goes with it.
    pub browser_sid: Option<SessionId>,
    /// A [`crate::domain::oidc::granted::Granted`] as JSON.
    pub granted: Option<String>,
    polled_at: i64,
    interval_ms: i64,
    pub expires_at: i64,
    pub created_at: i64,
}

/// What a device asks for.
#[derive(Debug, Clone)]
pub(crate) struct NewDevice {
    pub hash: String,
    pub user_code: String,
    pub client_id: ClientId,
    pub scope: String,
    pub detail: String,
    pub address: String,
    pub agent: Option<String>,
    pub interval: i64,
    pub life: i64,
}

impl NewDevice {
    /// A row that waits from `now` on. The first question may come at once.
    fn row(self, now: Millis) -> DeviceRow {
        DeviceRow {
            hash: self.hash,
            user_code: self.user_code,
            client_id: self.client_id,
            scope: self.scope,
            detail: self.detail,
            address: self.address,
            agent: self.agent,
            status: PENDING.to_owned(),
            user_id: None,
            browser_sid: None,
            granted: None,
            polled_at: 0,
            interval_ms: self.interval,
            expires_at: now.plus(self.life).0,
            created_at: now.0,
        }
    }
}

/// Who agreed, in which sign-in, to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approval {
    pub user: UserId,
    pub browser_sid: SessionId,
    pub granted: String,
}

/// How a device stands that asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Polled {
    /// Agreed. Said once: the row is gone.
    Approved(Approval),
    Pending,
    /// Asked too soon: from now on it has to wait longer.
    SlowDown,
    Denied,
    Expired,
    /// There is none, or it was taken.
    Unknown,
}

impl Store {
    /// [`StoreError::Conflict`] if the user code is another device's.
    pub(crate) async fn insert_device(
        &self,
        device: NewDevice,
        now: Millis,
    ) -> Result<(), StoreError> {
        let row = device.row(now);
        write!(self, |conn| {
            diesel::insert_into(oauth_device::table).values(row).execute(conn).await?;
            Ok(())
        })
    }

    /// The device that waits under this code. [`StoreError::NotFound`] where none waits any more.
    pub(crate) async fn waiting_device(
        &self,
        user_code: &str,
        now: Millis,
    ) -> Result<DeviceRow, StoreError> {
        Ok(read!(self, |conn| oauth_device::table
            .filter(oauth_device::user_code.eq(user_code))
            .filter(oauth_device::status.eq(PENDING).and(oauth_device::expires_at.gt(now.0)))
            .select(DeviceRow::as_select())
            .first(conn)
            .await?))
    }

    /// Writes down what the person decided; none: she declined. Says whether the device still
    /// waited, and her sign-in stood; the event is written only then.
    pub(crate) async fn decide_device(
        &self,
        user_code: &str,
        approval: Option<Approval>,
        event: Option<AuthEvent>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let user_code = user_code.to_owned();
        let status = if approval.is_some() { APPROVED } else { DENIED };
        write!(self, |conn| {
            if let Some(Approval { user, browser_sid, .. }) = &approval {
                let app: Option<ClientId> = oauth_device::table
                    .filter(oauth_device::user_code.eq(&user_code))
                    .select(oauth_device::client_id)
                    .first(conn)
                    .await
                    .optional()?;
                let Some(app) = app else { return Ok(false) };
                if conn.keep_sign_in((user, &app), browser_sid, now).await?.is_none() {
                    return Ok(false);
                }
            }
            let (user, sid, granted) = match approval {
                Some(it) => (Some(it.user), Some(it.browser_sid), Some(it.granted)),
                None => (None, None, None),
            };
            let waits = oauth_device::table
                .filter(oauth_device::user_code.eq(user_code))
                .filter(oauth_device::status.eq(PENDING).and(oauth_device::expires_at.gt(now.0)));
            let decided = diesel::update(waits)
                .set((
                    oauth_device::status.eq(status),
                    oauth_device::user_id.eq(user),
                    oauth_device::browser_sid.eq(sid),
                    oauth_device::granted.eq(granted),
                ))
                .execute(conn)
                .await?;
            if decided == 0 {
                return Ok(false);
            }
            if let Some(event) = event {
                note_event!(conn, event);
            }
            Ok(true)
        })
    }

    /// A device asks whether its person has agreed. Of many that ask at once one is told so.
    pub(crate) async fn poll_device(
        &self,
        hash: &str,
        client: &ClientId,
        now: Millis,
    ) -> Result<Polled, StoreError> {
        let (hash, client) = (hash.to_owned(), client.clone());
        write!(self, |conn| {
            let own = || oauth_device::hash.eq(&hash).and(oauth_device::client_id.eq(&client));
            let found: Option<DeviceRow> = oauth_device::table
                .filter(own())
                .select(DeviceRow::as_select())
                .get_result(conn)
                .await
                .optional()?;
            let Some(row) = found else { return Ok(Polled::Unknown) };
            if row.expires_at <= now.0 {
                return Ok(Polled::Expired);
            }
            match row.status.as_str() {
                DENIED => return Ok(Polled::Denied),
                APPROVED => {
                    // Whoever removes the row has it.
                    let gone =
                        diesel::delete(oauth_device::table.filter(own())).execute(conn).await?;
                    return Ok(match (gone, row.user_id, row.browser_sid, row.granted) {
                        (1, Some(user), Some(browser_sid), Some(granted)) => {
                            Polled::Approved(Approval { user, browser_sid, granted })
                        }
                        _ => Polled::Unknown,
                    });
                }
                _ => {}
            }
            let due = oauth_device::polled_at + oauth_device::interval_ms;
            let in_time = own().and(due.le(now.plus(JITTER).0));
            let patient = diesel::update(oauth_device::table.filter(in_time))
                .set(oauth_device::polled_at.eq(now.0))
                .execute(conn)
                .await?;
            if patient == 1 {
                return Ok(Polled::Pending);
            }
            diesel::update(oauth_device::table.filter(own()))
                .set((
                    oauth_device::polled_at.eq(now.0),
                    oauth_device::interval_ms.eq(oauth_device::interval_ms + SLOWER),
                ))
                .execute(conn)
                .await?;
            Ok(Polled::SlowDown)
        })
    }

    /// Removes devices whose time ended before `before`.
    pub(crate) async fn forget_devices(&self, before: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| {
            let over = oauth_device::table.filter(oauth_device::expires_at.lt(before.0));
            Ok::<_, StoreError>(diesel::delete(over).execute(conn).await?)
        })
    }
}

#[cfg(test)]
mod tests;
