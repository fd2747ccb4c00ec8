use std::sync::Arc;

use super::*;
use crate::{
    bus::{Bus, contract},
    link::servers::{link_up, prefix, shared_url, until},
};

/// The end of one node.
pub(super) async fn bus(link: &Link, node: &str) -> Bus {
    let bus = Bus::with_line(|here| Arc::new(RedisLine::start(link, NodeId::new(node), here)));
    until("the line is whole", async || !bus.is_cut()).await;
    bus
}

mod on_one_server {
    use super::*;

    contract::suite!(async || {
        let (url, prefix) = (shared_url()?, prefix());
        let (a, b) = (link_up(&url, &prefix).await, link_up(&url, &prefix).await);
        Some((bus(&a, "a").await, bus(&b, "b").await, ()))
    });
}
