//! Delivers mail: as soon as it is written down, and again at its time.
//!
//! **Owns** how many letters it carries. **Takes** [`Observe`] and news of the outbox. **Sends**
//! nothing. **On restart** it goes on; what it carried is taken again when the claim ends.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use futures_util::stream;
use serde::Serialize;

use super::Observe;
use crate::{
    auth::{AuthError, Delivery, Tried},
    store::outbox::{MailCounts, OutboxMail},
    telemetry::Metrics,
};

/// Mail of other nodes, and what is due again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const FORGET_EVERY: Duration = Duration::from_hours(1);

pub(crate) struct Postman {
    delivery: Arc<Delivery>,
    metrics: Arc<Metrics>,
    /// Letters at once.
    most: usize,
    carrying: usize,
    looking: bool,
    counts: MailCounts,
}

impl Postman {
    pub(crate) fn new(delivery: Arc<Delivery>, metrics: Arc<Metrics>, most: usize) -> Self {
        let counts = MailCounts::default();
        Self { delivery, metrics, most, carrying: 0, looking: false, counts }
    }

    /// Counts what waits, and takes what is due as far as there are hands.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let free = self.most.saturating_sub(self.carrying);
        if free == 0 || std::mem::replace(&mut self.looking, true) {
            return;
        }
        let delivery = Arc::clone(&self.delivery);
        let looked = async move {
            let counts = delivery.counts().await?;
            let some = delivery.leaves() && counts.queued > 0;
            let taken = if some { delivery.claim(free).await? } else { Vec::new() };
            Ok::<_, AuthError>((counts, taken))
        };
        ctx.spawn(looked.into_actor(self).map(|looked, this, ctx| {
            this.looking = false;
            match looked {
                Ok((counts, taken)) => {
                    this.count(counts);
                    for row in taken {
                        this.carry(row, ctx);
                    }
                }
                Err(error) => tracing::warn!(%error, "the outbox cannot be read"),
            }
        }));
    }

    fn count(&mut self, counts: MailCounts) {
        self.counts = counts;
        self.metrics.mail.queued.set(counts.queued);
        self.metrics.mail.dead_letters.set(counts.dead);
    }

    fn carry(&mut self, row: OutboxMail, ctx: &mut Context<Self>) {
        self.carrying += 1;
        let delivery = Arc::clone(&self.delivery);
        let trying = async move { delivery.attempt(&row).await };
        ctx.spawn(trying.into_actor(self).map(|tried, this, ctx| {
            this.carrying -= 1;
            let figures = &this.metrics.mail;
            match tried {
                Ok(tried) => {
                    let figure = match tried {
                        Tried::Sent => &figures.sent,
                        Tried::Failed => &figures.failed,
                        Tried::Dead => &figures.dead,
                    };
                    figure.inc();
                }
                Err(error) => {
                    tracing::warn!(%error, "how a mail's try ended was not written down");
                }
            }
            // There may be more than it could carry.
            this.look(ctx);
        }));
    }

    fn forget(&mut self, ctx: &mut Context<Self>) {
        let delivery = Arc::clone(&self.delivery);
        let forgetting = async move { delivery.forget().await };
        ctx.spawn(forgetting.into_actor(self).map(|gone, _, _| match gone {
            Ok(mails) => tracing::debug!(mails, "removed old mail"),
            Err(error) => tracing::warn!(%error, "could not remove old mail"),
        }));
    }
}

impl Actor for Postman {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.carrying, self.looking) = (0, false);
        let news = self.delivery.auth.mail_news();
        ctx.add_stream(stream::unfold(news, |news| async move {
            news.notified().await;
            Some((Posted, news))
        }));
        ctx.run_interval(LOOK_EVERY, Self::look);
        ctx.run_interval(FORGET_EVERY, Self::forget);
        self.look(ctx);
        self.forget(ctx);
    }
}

impl Supervised for Postman {}

/// A mail was written down on this node.
#[derive(Debug)]
struct Posted;

impl StreamHandler<Posted> for Postman {
    fn handle(&mut self, _: Posted, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    /// Letters that are on their way just now.
    pub carrying: usize,
    /// Mails that wait, and dead letters, when it last looked.
    pub queued: i64,
    pub dead: i64,
}

impl Handler<Observe<View>> for Postman {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { carrying: self.carrying, queued: self.counts.queued, dead: self.counts.dead }
    }
}

#[cfg(test)]
mod tests;
