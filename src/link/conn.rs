//! One open connection, to a server or to all of a cluster.

use futures_util::future::join_all;
use redis::{
    Cmd, Pipeline, RedisError, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo},
};

#[derive(Clone)]
pub(crate) enum Conn {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Conn {
    /// Sends all at once: as one pipeline, or side by side where they have different slots. The
    /// outer error is the connection's.
    pub(crate) async fn send(
        &mut self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Result<Value, RedisError>>, RedisError> {
        match self {
            Self::Single(conn) => {
                let count = commands.len();
                let mut pipe = Pipeline::with_capacity(count);
                for command in commands {
                    pipe.add_command(command);
                }
                let values = conn.req_packed_commands(&pipe, 0, count).await?;
                Ok(values.into_iter().map(Value::extract_error).collect())
            }
            Self::Cluster(conn) => {
                let one = |command: Cmd| {
                    let mut conn = conn.clone();
                    async move { conn.req_packed_command(&command).await?.extract_error() }
                };
                let all = join_all(commands.into_iter().map(one)).await;
                // One node that cannot be reached is enough.
                match all.iter().find_map(|one| one.as_ref().err().filter(|error| is_lost(error))) {
                    Some(error) => Err(error.clone()),
                    None => Ok(all),
                }
            }
        }
    }

    /// Whether all that must answer does.
    pub(crate) async fn check(&mut self) -> Result<(), RedisError> {
        match self {
            Self::Single(conn) => {
                conn.req_packed_command(&redis::cmd("PING")).await?.extract_error().map(drop)
            }
            Self::Cluster(conn) => {
                let masters = MultipleNodeRoutingInfo::AllMasters;
                let all = Some(ResponsePolicy::AllSucceeded);
                conn.route_command(redis::cmd("PING"), RoutingInfo::MultiNode((masters, all)))
                    .await?
                    .extract_error()?;
                let mut cmd = redis::cmd("CLUSTER");
                let info: String = cmd.arg("INFO").query_async(conn).await?;
                if info.contains("cluster_state:ok") {
                    return Ok(());
                }
                Err(RedisError::from((redis::ErrorKind::Client, "the cluster is not whole")))
            }
        }
    }

    pub(crate) async fn subscribe(&mut self, channels: &[String]) -> Result<(), RedisError> {
        match self {
            Self::Single(conn) => conn.subscribe(channels).await,
            Self::Cluster(conn) => {
                let one = |channel: &String| {
                    let (mut conn, channel) = (conn.clone(), channel.clone());
                    async move { conn.ssubscribe(channel).await }
                };
                join_all(channels.iter().map(one)).await.into_iter().collect()
            }
        }
    }

    pub(crate) async fn unsubscribe(&mut self, channels: &[String]) -> Result<(), RedisError> {
        match self {
            Self::Single(conn) => conn.unsubscribe(channels).await,
            Self::Cluster(conn) => {
                let one = |channel: &String| {
                    let (mut conn, channel) = (conn.clone(), channel.clone());
                    async move { conn.sunsubscribe(channel).await }
                };
                join_all(channels.iter().map(one)).await.into_iter().collect()
            }
        }
    }
}

/// The error is the connection's, or says that this server is the wrong one or not ready: a new
/// connection is needed.
pub(super) fn is_lost(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.kind() == redis::ErrorKind::ClusterConnectionNotFound
        || matches!(error.code(), Some("READONLY" | "LOADING" | "MASTERDOWN" | "NOAUTH"))
}
