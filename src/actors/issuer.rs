//! Keeps another issuer's keys: asks for them at start, every five minutes, and when a token names
//! one that nobody knows.
//!
//! **Owns** nothing; the keys are the auth service's. **Takes** [`Observe`]. **Sends** nothing.
//! **On restart** it goes on: a try that broke off is made again.

use std::sync::Arc;

use actix::prelude::*;
use serde::Serialize;

use super::Observe;
use crate::auth::Auth;

pub(crate) struct KeyKeeper {
    auth: Arc<Auth>,
    rounds: u64,
}

impl KeyKeeper {
    pub(crate) const fn new(auth: Arc<Auth>) -> Self {
        Self { auth, rounds: 0 }
    }

    fn keep(&mut self, ctx: &mut Context<Self>) {
        self.rounds += 1;
        let auth = Arc::clone(&self.auth);
        let round = async move { auth.keep_issuer_keys().await };
        ctx.spawn(round.into_actor(self).map(|(), this, ctx| this.keep(ctx)));
    }
}

impl Actor for KeyKeeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.keep(ctx);
    }
}

impl Supervised for KeyKeeper {}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    /// How often it has looked whether there is something to do.
    pub rounds: u64,
}

impl Handler<Observe<View>> for KeyKeeper {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { rounds: self.rounds }
    }
}
