//! Keeps house: renews this node's lease, tells how the node is, and removes what is over.
//!
//! **Owns** no data. **Takes** [`Observe`]. **Sends** nothing. **On restart** it goes on at the
//! next tick; the lease outlives two missed renewals.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use serde::Serialize;

use super::{Lease, Observe, leaving::Leaving};
use crate::{
    auth::{Auth, AuthError},
    bus::Bus,
    domain::clock::{DAY, MINUTE, Millis, SharedClock},
    store::{
        Store,
        nodes::{Owner, Stats},
    },
    telemetry::{self, Metrics},
    turnlog::TurnLog,
};

const RENEW_EVERY: Duration = Duration::from_secs(2);
const SWEEP_EVERY: Duration = Duration::from_mins(1);
const RETENTION_EVERY: Duration = Duration::from_hours(24);
/// A thread goes this long after its owner's enrolment ended.
const RETENTION: i64 = 30 * DAY;
/// Longer than any account can be locked (`limits.lockout_minutes`).
const LIMITS_KEPT: i64 = DAY;
/// A device that comes too late is still told that it is.
const DEVICES_KEPT: i64 = 10 * MINUTE;
/// Longer than anybody tries to tell an app of a sign-out.
const LOGOUTS_KEPT: i64 = DAY;
/// How long the log of an ended turn can be replayed.
const LOG_KEPT: i64 = 15 * MINUTE;

pub(crate) struct Janitor {
    store: Arc<Store>,
    log: Arc<dyn TurnLog>,
    clock: SharedClock,
    me: Owner,
    vitals: Vitals,
    renewed_at: Option<Millis>,
}

/// How this process is.
pub(crate) struct Vitals {
    pub metrics: Arc<Metrics>,
    pub leaving: Leaving,
    pub lease: Arc<Lease>,
    pub bus: Bus,
    /// Events of accounts hold addresses of people, so they go after this time, in milliseconds.
    pub events_kept: i64,
    /// Removes the apps that nobody uses.
    pub auth: Arc<Auth>,
}

impl Vitals {
    fn stats(&self) -> Stats {
        Stats {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            draining: self.leaving.has_begun(),
            sessions: self.metrics.sessions_now(),
            turns: self.metrics.turns_running.get(),
            rss_bytes: telemetry::resident_bytes().unwrap_or_default(),
            degraded: self.bus.is_cut().then(|| "bus".to_owned()).into_iter().collect(),
        }
    }
}

impl Janitor {
    pub(crate) fn new(
        store: Arc<Store>,
        log: Arc<dyn TurnLog>,
        clock: SharedClock,
        me: Owner,
        vitals: Vitals,
    ) -> Self {
        Self { store, log, clock, me, vitals, renewed_at: None }
    }

    fn renew(&mut self, ctx: &mut Context<Self>) {
        let (store, me, now) = (Arc::clone(&self.store), self.me.clone(), self.clock.now());
        // Nobody is asked for them: the lease waits for nothing but the store.
        let stats = self.vitals.stats();
        let renewal = async move { store.renew_lease(&me, &stats, now).await };
        ctx.spawn(renewal.into_actor(self).map(move |renewed, this, _| match renewed {
            Ok(true) => {
                this.renewed_at = Some(now);
                this.vitals.lease.renewed(now);
            }
            Ok(false) => tracing::error!(
                node = %this.me.node,
                "another process has taken this node's name: give each node its own data folder"
            ),
            Err(error) => tracing::warn!(%error, "the node's lease cannot be renewed"),
        }));
    }

    fn sweep(&mut self, ctx: &mut Context<Self>) {
        let (store, log, now) = (Arc::clone(&self.store), Arc::clone(&self.log), self.clock.now());
        let events_before = now.plus(-self.vitals.events_kept);
        let auth = Arc::clone(&self.vitals.auth);
        let sweeping = async move {
            log.trim(now.plus(-LOG_KEPT)).await;
            let gone = store.forget_changes(now).await?
                + store.forget_nonces(now).await?
                + store.forget_keys(now).await?
                + store.forget_quota(now).await?
                + store.forget_sessions(now).await?
                + store.forget_grants(now).await?
                + store.forget_foreign_sign_ins(now).await?
                + store.forget_verifications(now).await?
                + store.forget_devices(now.plus(-DEVICES_KEPT)).await?
                + store.forget_logouts(now.plus(-LOGOUTS_KEPT)).await?
                + store.forget_limits(now.plus(-LIMITS_KEPT)).await?
                + store.forget_auth_events(events_before).await?
                + auth.remove_unused_clients().await?;
            Ok::<_, AuthError>(gone)
        };
        ctx.spawn(sweeping.into_actor(self).map(|gone, _, _| match gone {
            Ok(rows) => tracing::debug!(rows, "swept"),
            Err(error) => tracing::warn!(%error, "could not sweep; tried again in a minute"),
        }));
    }

    fn retain(&mut self, ctx: &mut Context<Self>) {
        let (store, before) = (Arc::clone(&self.store), self.clock.now().plus(-RETENTION));
        let expiry = async move { store.expire_threads(before).await };
        ctx.spawn(expiry.into_actor(self).map(|gone, _, _| match gone {
            Ok(threads) => tracing::info!(threads, "removed the threads of ended enrolments"),
            Err(error) => tracing::warn!(%error, "could not remove old threads"),
        }));
    }
}

impl Actor for Janitor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.renew(ctx);
        ctx.run_interval(RENEW_EVERY, Self::renew);
        ctx.run_interval(SWEEP_EVERY, Self::sweep);
        ctx.run_interval(RETENTION_EVERY, Self::retain);
        self.retain(ctx);
    }
}

impl Supervised for Janitor {}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    /// When the lease was last renewed.
    pub renewed_at: Option<Millis>,
}

impl Handler<Observe<View>> for Janitor {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { renewed_at: self.renewed_at }
    }
}
