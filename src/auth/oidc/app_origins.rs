//! The pages of apps that run in a browser: they may call the token endpoint and its like from where
//! they were registered to come back to.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use url::Url;

use crate::{
    auth::Auth,
    domain::{
        clock::{MINUTE, Millis, SECOND},
        oidc::client::Metadata,
        origin::Origin,
    },
};

/// How long an app that was removed is still let ask: its tokens are refused at once.
const BELIEVED: i64 = MINUTE;
/// How often an unknown page makes us look.
const LOOKED_AT: i64 = SECOND;

#[derive(Default)]
pub(crate) struct AppOrigins(Mutex<Option<(Millis, HashSet<Origin>)>>);

impl AppOrigins {
    /// Whether it is known, if that can be said without looking.
    fn knows(&self, origin: &Origin, now: Millis) -> Option<bool> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, origins) = known.as_ref()?;
        let (age, found) = (now.since(*read_at), origins.contains(origin));
        let fresh = (0..if found { BELIEVED } else { LOOKED_AT }).contains(&age);
        fresh.then_some(found)
    }
}

impl Auth {
    /// Whether an app without a secret comes back to a page of this origin. Where the store cannot
    /// be asked, none does.
    pub(crate) async fn is_app_origin(&self, origin: &Origin) -> bool {
        let (now, apps) = (self.clock.now(), &self.provider.origins);
        if let Some(known) = apps.knows(origin, now) {
            return known;
        }
        let rows = match self.store.secretless_clients().await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "the origins of apps cannot be looked up");
                return false;
            }
        };
        let origins = rows.iter().filter_map(|row| serde_json::from_str::<Metadata>(row).ok());
        let origins = origins.filter(Metadata::is_public).flat_map(|it| it.redirect_uris);
        let origins = origins.filter_map(|uri| Origin::of(&Url::parse(&uri).ok()?)).collect();
        *apps.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, origins));
        apps.knows(origin, now).unwrap_or(false)
    }
}
