//! The keys by which a client proves that it is itself (RFC 7523, RFC 9101): those that it was
//! registered with, or those that it publishes (attack D14).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use crate::{
    auth::{
        key_sets::{
            cache::{Cache, Look},
            key_set::{Key, KeySet},
        },
        outward::{Outward, OutwardError},
    },
    domain::{clock::SharedClock, recent::Recent},
};

const ACCEPT: &str = "application/jwk-set+json, application/json";
/// Clients whose published keys are kept: a set has at most 64 KiB.
const CLIENTS: usize = 256;
/// How often one request looks: at first, and after a try of its own.
const LOOKS: usize = 3;

/// Why there is no key to check a client's signature with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientKeyError {
    #[error("the client is registered with neither jwks nor jwks_uri")]
    NoKeys,
    #[error("the client's jwks holds no key that can be used")]
    Useless,
    #[error("the client has no key of that name, or more than one that could be meant")]
    Unknown,
    #[error("the client's key is for another algorithm")]
    Unfit,
    /// Worth another try later.
    #[error("the client's jwks_uri gives no keys just now")]
    Away,
}

/// One client's published keys.
#[derive(Default)]
struct Source {
    cache: Mutex<Cache<KeySet>>,
    /// There is one at a time who asks.
    asking: tokio::sync::Mutex<()>,
}

impl Source {
    fn cache(&self) -> MutexGuard<'_, Cache<KeySet>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys of all clients. Published ones are asked for every five minutes, and for an unknown
/// name at most once a minute; the last good ones hold while they cannot be had.
pub(crate) struct ClientKeys {
    outward: Arc<Outward>,
    clock: SharedClock,
    published: Mutex<Recent<String, Arc<Source>>>,
}

impl ClientKeys {
    pub(crate) fn new(outward: Arc<Outward>, clock: SharedClock) -> Self {
        Self { outward, clock, published: Mutex::new(Recent::new(CLIENTS)) }
    }

    /// The key that a signature by `alg` is checked with. What the client was registered with goes
    /// before what it publishes. Where no key is named there must be one alone that fits.
    pub(crate) async fn key(
        &self,
        client_jwks: Option<&Value>,
        jwks_uri: Option<&str>,
        kid: Option<&str>,
        alg: Algorithm,
    ) -> Result<DecodingKey, ClientKeyError> {
        let key = match (client_jwks, jwks_uri) {
            (Some(jwks), _) => {
                let keys = KeySet::read(jwks.to_string().as_bytes());
                let keys = keys.ok_or(ClientKeyError::Useless)?;
                meant(&keys, kid, alg).ok_or(ClientKeyError::Unknown)?
            }
            (None, Some(uri)) => self.published(uri, kid, alg).await?,
            (None, None) => return Err(ClientKeyError::NoKeys),
        };
        if key.fits(alg) { Ok(key.verifier) } else { Err(ClientKeyError::Unfit) }
    }

    async fn published(
        &self,
        uri: &str,
        kid: Option<&str>,
        alg: Algorithm,
    ) -> Result<Key, ClientKeyError> {
        let source = self.source(uri);
        for _ in 0..LOOKS {
            self.refresh(&source, uri).await;
            let look = source.cache().look(self.clock.now(), |keys| meant(keys, kid, alg));
            match look {
                Look::Found(key) => return Ok(key),
                Look::Unknown => return Err(ClientKeyError::Unknown),
                Look::Away => return Err(ClientKeyError::Away),
                Look::Wait => {}
            }
        }
        Err(ClientKeyError::Unknown)
    }

    /// Asks the client if it is time. Whoever comes meanwhile waits for the same answer.
    async fn refresh(&self, source: &Source, uri: &str) {
        if !source.cache().is_due(self.clock.now()) {
            return;
        }
        let _alone = source.asking.lock().await;
        let now = self.clock.now();
        if !source.cache().is_due(now) {
            return;
        }
        source.cache().begin(now);
        let keys = match self.fetch(uri).await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::debug!(%error, "a client's keys cannot be had");
                None
            }
        };
        source.cache().finish(keys);
    }

    async fn fetch(&self, uri: &str) -> Result<Option<KeySet>, OutwardError> {
        Ok(KeySet::read(&self.outward.get(uri, ACCEPT).await?))
    }

    fn source(&self, uri: &str) -> Arc<Source> {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = published.get(uri) {
            return source;
        }
        let source = Arc::new(Source::default());
        published.insert(uri.to_owned(), Arc::clone(&source));
        source
    }
}

fn meant(keys: &KeySet, kid: Option<&str>, alg: Algorithm) -> Option<Key> {
    match kid {
        Some(kid) => keys.get(kid).cloned(),
        None => keys.only(alg).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        auth::{issuer::tests::Mint, outward::tests::Server, tests::START},
        domain::clock::{MINUTE, ManualClock, SECOND},
    };

    const ES256: Algorithm = Algorithm::ES256;

    struct Bench {
        keys: ClientKeys,
        clock: Arc<ManualClock>,
        server: Server,
        uri: String,
    }

    impl Bench {
        async fn new(mints: &[&Mint]) -> Self {
            let server = Server::with(&set(mints).to_string()).await;
            let clock = Arc::new(ManualClock::at(START));
            let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
            let keys = ClientKeys::new(Arc::new(Outward::new(true)), shared);
            let uri = server.url("/jwks");
            Self { keys, clock, server, uri }
        }

        async fn find(&self, kid: &str) -> Result<DecodingKey, ClientKeyError> {
            self.keys.key(None, Some(&self.uri), Some(kid), ES256).await
        }
    }

    fn set(mints: &[&Mint]) -> Value {
        json!({ "keys": mints.iter().map(|mint| mint.jwk()).collect::<Vec<_>>() })
    }

    fn checks(mint: &Mint, key: &DecodingKey) -> bool {
        let mut rules = jsonwebtoken::Validation::new(ES256);
        rules.required_spec_claims.clear();
        let token = mint.access(&json!({ "sub": "client" }));
        jsonwebtoken::decode::<Value>(&token, key, &rules).is_ok()
    }

    #[tokio::test]
    async fn registered_keys_are_found_by_name_and_go_before_published_ones() {
        let (one, two) = (Mint::new("one"), Mint::new("two"));
        let bench = Bench::new(&[&two]).await;
        let jwks = set(&[&one, &two]);

        let key = bench.keys.key(Some(&jwks), Some(&bench.uri), Some("one"), ES256).await.unwrap();

        assert!(checks(&one, &key) && !checks(&two, &key));
        assert_eq!(bench.server.asked(), 0);
        for (kid, alg) in [(Some("three"), ES256), (None, ES256), (None, Algorithm::RS256)] {
            let none = bench.keys.key(Some(&jwks), None, kid, alg).await;
            assert!(matches!(none, Err(ClientKeyError::Unknown)), "{kid:?} {alg:?}");
        }
        let alone = bench.keys.key(Some(&set(&[&one])), None, None, ES256).await.unwrap();
        assert!(checks(&one, &alone));
        let without = bench.keys.key(None, None, Some("one"), ES256).await;
        assert!(matches!(without, Err(ClientKeyError::NoKeys)));
    }

    /// Attack D14: the algorithm of a signature must be the key's; no key is a shared secret.
    #[tokio::test]
    async fn a_key_checks_no_signature_of_another_kind() {
        let mint = Mint::new("k");
        let bench = Bench::new(&[&mint]).await;
        let jwks = set(&[&mint]);
        for alg in [Algorithm::HS256, Algorithm::RS256, Algorithm::ES384, Algorithm::EdDSA] {
            let unfit = bench.keys.key(Some(&jwks), None, Some("k"), alg).await;
            assert!(matches!(unfit, Err(ClientKeyError::Unfit)), "{alg:?}");
            let unfit = bench.keys.key(None, Some(&bench.uri), Some("k"), alg).await;
            assert!(matches!(unfit, Err(ClientKeyError::Unfit)), "{alg:?}");
        }
        let secret = json!({ "kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256" });
        let mut encrypts = mint.jwk();
        encrypts["use"] = json!("enc");
        let twice = [mint.jwk(), Mint::new("k").jwk()];
        for keys in [json!([secret]), json!([encrypts]), json!(twice), json!([]), json!("x")] {
            let jwks = json!({ "keys": keys });
            for alg in [ES256, Algorithm::HS256] {
                let none = bench.keys.key(Some(&jwks), None, Some("k"), alg).await;
                assert!(matches!(none, Err(ClientKeyError::Useless)), "{jwks}");
            }
        }
    }

    #[tokio::test]
    async fn published_keys_are_asked_for_once_in_five_minutes() {
        let (old, new) = (Mint::new("old"), Mint::new("new"));
        let bench = Bench::new(&[&old]).await;
        for _ in 0..10 {
            assert!(checks(&old, &bench.find("old").await.unwrap()));
        }
        assert_eq!(bench.server.asked(), 1);

        bench.server.answers(200, &set(&[&new]).to_string());
        bench.clock.advance(5 * MINUTE - 1);
        bench.find("old").await.unwrap();
        assert_eq!(bench.server.asked(), 1);
        bench.clock.advance(1);
        let gone = bench.find("old").await;
        assert!(matches!(gone, Err(ClientKeyError::Unknown)), "withdrawn");
    }

    /// Attack D14: a flood of unknown names. `oidcc-refresh-token-rp-key-rotation`: a client's new
    /// key is found at once.
    #[tokio::test]
    async fn an_unknown_name_makes_us_ask_at_most_once_a_minute() {
        let (old, new) = (Mint::new("old"), Mint::new("new"));
        let bench = Bench::new(&[&old]).await;
        bench.find("old").await.unwrap();
        bench.server.answers(200, &set(&[&old, &new]).to_string());

        assert!(checks(&new, &bench.find("new").await.unwrap()));
        assert_eq!(bench.server.asked(), 2);
        for _ in 0..20 {
            assert!(matches!(bench.find("other").await, Err(ClientKeyError::Unknown)));
        }
        assert_eq!(bench.server.asked(), 2);
        bench.clock.advance(MINUTE);
        assert!(matches!(bench.find("other").await, Err(ClientKeyError::Unknown)));
        assert_eq!(bench.server.asked(), 3);
    }

    #[tokio::test]
    async fn the_last_good_keys_hold_while_the_client_is_away_or_talks_nonsense() {
        let mint = Mint::new("k");
        let bench = Bench::new(&[&mint]).await;
        bench.find("k").await.unwrap();
        for (status, body) in [(500, ""), (200, "nonsense"), (200, "{\"keys\":[]}"), (302, "")] {
            bench.server.answers(status, body);
            bench.clock.advance(5 * MINUTE);
            assert!(checks(&mint, &bench.find("k").await.unwrap()), "{status} {body}");
        }
        let unknown = bench.find("other").await;
        assert!(matches!(unknown, Err(ClientKeyError::Away)), "it may be good");
    }

    #[tokio::test]
    async fn a_client_that_never_answered_is_asked_again_soon_and_not_for_each_request() {
        let mint = Mint::new("k");
        let bench = Bench::new(&[&mint]).await;
        bench.server.answers(503, "");
        for _ in 0..5 {
            assert!(matches!(bench.find("k").await, Err(ClientKeyError::Away)));
        }
        assert_eq!(bench.server.asked(), 1);
        bench.server.answers(200, &set(&[&mint]).to_string());
        bench.clock.advance(5 * SECOND);
        bench.find("k").await.unwrap();
    }

    #[tokio::test]
    async fn a_crowd_asks_a_client_once() {
        let mint = Mint::new("k");
        let bench = Bench::new(&[&mint]).await;
        let crowd = (0..20).map(|_| bench.find("k"));
        for found in futures_util::future::join_all(crowd).await {
            found.unwrap();
        }
        assert_eq!(bench.server.asked(), 1);
    }

    /// Attack D13: the guard stands before a client's keys too.
    #[tokio::test]
    async fn a_client_whose_keys_are_inside_gets_none() {
        let bench = Bench::new(&[&Mint::new("k")]).await;
        let shared: SharedClock = Arc::<ManualClock>::clone(&bench.clock);
        let strict = ClientKeys::new(Arc::new(Outward::new(false)), shared);
        let inside = strict.key(None, Some(&bench.uri), Some("k"), ES256).await;
        assert!(matches!(inside, Err(ClientKeyError::Away)));
        assert_eq!(bench.server.asked(), 0);
    }
}
