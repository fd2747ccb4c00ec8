//! Where Redis is: the address that an operator writes, read and opened.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    ProtocolVersion, RedisError, TlsMode,
    aio::AsyncPushSender,
    cluster::{ClusterClient, ClusterClientBuilder},
    io::tcp::TcpSettings,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};
use url::form_urlencoded;

use super::conn::Conn;

const CONNECT: Duration = Duration::from_secs(1);
/// How often a cluster's client follows a slot that moved before it gives up.
const HOPS: u32 = 3;

/// The servers of a `redis.url`.
#[derive(Clone)]
pub(crate) enum Target {
    Single(ConnectionInfo),
    /// The master of this name, as the Sentinels say.
    Sentinel(Sentinels),
    Cluster(Vec<ConnectionInfo>),
}

#[derive(Clone)]
pub(crate) struct Sentinels {
    addresses: Vec<ConnectionAddr>,
    master: String,
    /// How to sign in at the master.
    login: ConnectionInfo,
    tls: bool,
    user: Option<String>,
    password: Option<String>,
}

impl Target {
    /// Reads `redis[s]://…`, `redis[s]+sentinel://…/master` or `redis[s]+cluster://…`. An error says
    /// what is wrong without the address, which may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("has no scheme")?;
        let (plain, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        if !["redis", "rediss"].contains(&plain) {
            return Err(format!("begins with {scheme}://"));
        }
        if kind.is_empty() {
            return Ok(Self::Single(info(url)?));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (format!("{login}@"), rest),
            None => (String::new(), rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        match kind {
            "sentinel" => Sentinels::parse(plain, &login, hosts, (path, query)).map(Self::Sentinel),
            "cluster" if path.is_empty() && query.is_empty() => {
                let node = |host: &str| info(&format!("{plain}://{login}{host}"));
                Ok(Self::Cluster(hosts.split(',').map(node).collect::<Result<_, _>>()?))
            }
            "cluster" => Err("has something behind the hosts; a cluster has no databases".into()),
            other => Err(format!("names +{other}; known are +sentinel and +cluster")),
        }
    }

    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// A new connection. What is pushed over it goes to `pushes`, which must not block.
    pub(crate) async fn open<P>(&self, pushes: Option<P>) -> Result<Conn, RedisError>
    where
        P: AsyncPushSender,
    {
        let protocol =
            if pushes.is_some() { ProtocolVersion::RESP3 } else { ProtocolVersion::RESP2 };
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(None);
        match self {
            Self::Cluster(nodes) => {
                let mut client = ClusterClient::builder(nodes.clone())
                    .use_protocol(protocol)
                    .connection_timeout(CONNECT)
                    .response_timeout(super::RESPONSE)
                    .retries(HOPS)
                    .min_retry_wait(10)
                    .max_retry_wait(100)
                    .tcp_settings(tcp());
                if let Some(pushes) = pushes {
                    client = ClusterClientBuilder::push_sender(client, pushes);
                }
                Ok(Conn::Cluster(client.build()?.get_async_connection().await?))
            }
            Self::Single(info) => {
                if let Some(pushes) = pushes {
                    config = config.set_push_sender(pushes);
                }
                let settings = info.redis_settings().clone().set_protocol(protocol);
                let info = info.clone().set_redis_settings(settings).set_tcp_settings(tcp());
                let client = Client::open(info)?;
                let open = client.get_multiplexed_async_connection_with_config(&config);
                Ok(Conn::Single(open.await?))
            }
            Self::Sentinel(sentinels) => {
                if let Some(pushes) = pushes {
                    config = config.set_push_sender(pushes);
                }
                let mut client = sentinels.client(protocol)?.build()?;
                Ok(Conn::Single(client.get_async_connection_with_config(&config).await?))
            }
        }
    }
}

impl Sentinels {
    fn parse(
        scheme: &str,
        login: &str,
        hosts: &str,
        (path, query): (&str, &str),
    ) -> Result<Self, String> {
        if path.is_empty() || path.contains('/') {
            return Err(
                "must end with /NAME, the name by which the Sentinels know the master".into()
            );
        }
        let address = |host: &str| {
            let host = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
            {
                host.to_owned()
            } else {
                format!("{host}:26379")
            };
            info(&format!("{scheme}://{host}")).map(|info| info.addr().clone())
        };
        let addresses = hosts.split(',').map(address).collect::<Result<_, _>>()?;
        let (mut user, mut password, mut db) = (None, None, String::new());
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "sentinel_user" => user = Some(value.into_owned()),
                "sentinel_password" => password = Some(value.into_owned()),
                "db" => db = value.into_owned(),
                other => {
                    return Err(format!(
                        "has {other}=…; known are db, sentinel_user and sentinel_password"
                    ));
                }
            }
        }
        let login = info(&format!("{scheme}://{login}master/{db}"))?;
        let tls = scheme == "rediss";
        Ok(Self { addresses, master: path.to_owned(), login, tls, user, password })
    }

    fn client(&self, protocol: ProtocolVersion) -> Result<SentinelClientBuilder, RedisError> {
        let settings = self.login.redis_settings();
        let mut client = SentinelClientBuilder::new(
            self.addresses.clone(),
            &self.master,
            SentinelServerType::Master,
        )?
        .set_client_to_redis_db(settings.db())
        .set_client_to_redis_protocol(protocol)
        .set_client_to_redis_tcp_settings(tcp())
        .set_client_to_sentinel_tcp_settings(tcp());
        if let Some(user) = settings.username() {
            client = client.set_client_to_redis_username(user);
        }
        if let Some(password) = settings.password() {
            client = client.set_client_to_redis_password(password);
        }
        if let Some(user) = &self.user {
            client = client.set_client_to_sentinel_username(user);
        }
        if let Some(password) = &self.password {
            client = client.set_client_to_sentinel_password(password);
        }
        if self.tls {
            client = client
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_tls_mode(TlsMode::Secure);
        }
        Ok(client)
    }
}

fn info(url: &str) -> Result<ConnectionInfo, String> {
    url.into_connection_info().map_err(|_| "is no address of Redis".to_owned())
}

/// A token must not wait for the acknowledgement of the one before.
fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Target::parse(url).err().unwrap_or_default()
    }

    #[test]
    fn each_kind_of_address_is_read() {
        let Ok(Target::Single(single)) = Target::parse("rediss://:p%40ss@r:7000/2") else {
            panic!("one server")
        };
        assert_eq!(single.redis_settings().password(), Some("p@ss"));
        assert_eq!(
            (single.redis_settings().db(), single.addr().to_string().as_str()),
            (2, "r:7000")
        );

        let url = "redis+cluster://ada:pass@a:1,b:2";
        let Ok(Target::Cluster(nodes)) = Target::parse(url) else { panic!("a cluster") };
        let hosts: Vec<_> = nodes.iter().map(|node| node.addr().to_string()).collect();
        assert_eq!(hosts, ["a:1", "b:2"]);
        assert_eq!(nodes[1].redis_settings().username(), Some("ada"));

        let url = "redis+sentinel://:pass@a,b:2/school?db=3&sentinel_password=word";
        let Ok(Target::Sentinel(found)) = Target::parse(url) else { panic!("sentinels") };
        let hosts: Vec<_> = found.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["a:26379", "b:2"]);
        assert_eq!((found.master.as_str(), found.login.redis_settings().db()), ("school", 3));
        assert_eq!(found.login.redis_settings().password(), Some("pass"));
        assert_eq!(found.password.as_deref(), Some("word"));
    }

    #[test]
    fn what_cannot_be_is_refused_without_the_password() {
        for (url, word) in [
            ("hunter2", "scheme"),
            ("http://:hunter2@r", "http"),
            ("redis://:hunter2@r:port", "address"),
            ("redis+sentinel://:hunter2@r:1", "/NAME"),
            ("redis+sentinel://:hunter2@r:1/m?dbb=1", "dbb"),
            ("redis+cluster://:hunter2@r:1/2", "databases"),
            ("redis+clusters://:hunter2@r:1", "+clusters"),
        ] {
            let refusal = refusal(url);
            assert!(refusal.contains(word) && !refusal.contains("hunter2"), "{url}: {refusal}");
        }
    }
}
