//! Tells apps of sign-outs: within half a second, and again at its time.
//!
//! **Owns** how many tokens it carries. **Takes** [`Observe`]. **Sends** nothing. **On restart** it
//! goes on; what it carried is taken again when the claim ends.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use serde::Serialize;

use super::Observe;
use crate::{
    auth::oidc::{Logouts, Told},
    store::oauth_logouts::LogoutRow,
};

/// What sign-outs on any node have queued, and what is due again.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Tokens at once.
const MOST: usize = 16;

pub(crate) struct Backchannel {
    logouts: Arc<Logouts>,
    carrying: usize,
    looking: bool,
}

impl Backchannel {
    pub(crate) fn new(logouts: Arc<Logouts>) -> Self {
        Self { logouts, carrying: 0, looking: false }
    }

    /// Takes what is due as far as there are hands.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let free = MOST.saturating_sub(self.carrying);
        if free == 0 || std::mem::replace(&mut self.looking, true) {
            return;
        }
        let logouts = Arc::clone(&self.logouts);
        let looked = async move { logouts.claim(free).await };
        ctx.spawn(looked.into_actor(self).map(|looked, this, ctx| {
            this.looking = false;
            match looked {
                Ok(taken) => {
                    for row in taken {
                        this.carry(row, ctx);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "it cannot be read whom to tell of sign-outs");
                }
            }
        }));
    }

    fn carry(&mut self, row: LogoutRow, ctx: &mut Context<Self>) {
        self.carrying += 1;
        let logouts = Arc::clone(&self.logouts);
        let trying = async move { logouts.attempt(&row).await };
        ctx.spawn(trying.into_actor(self).map(|tried, this, ctx| {
            this.carrying -= 1;
            match tried {
                // There may be more than it could carry.
                Ok(Told::Yes | Told::Never) => this.look(ctx),
                Ok(Told::Later) => {}
                Err(error) => {
                    tracing::warn!(%error, "how a try to tell an app ended was not written down");
                }
            }
        }));
    }
}

impl Actor for Backchannel {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.carrying, self.looking) = (0, false);
        ctx.run_interval(LOOK_EVERY, Self::look);
        self.look(ctx);
    }
}

impl Supervised for Backchannel {}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    /// Tokens that are on their way just now.
    pub carrying: usize,
}

impl Handler<Observe<View>> for Backchannel {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { carrying: self.carrying }
    }
}
