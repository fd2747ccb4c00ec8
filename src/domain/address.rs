//! Whose request this is, as far as an internet address can tell.

use std::net::{IpAddr, Ipv6Addr};

/// The client's address: that of the connection, unless it is a trusted proxy's. Then the rightmost
/// entry of `X-Forwarded-For` that is no trusted proxy itself: what stands left of it was written by
/// the client (attack A9). `forwarded` holds the header's lines in order.
pub fn client(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item: AsRef<str>>,
    trusted: &[IpAddr],
) -> IpAddr {
    let mut nearest = plain(peer);
    let trusts = |address: IpAddr| trusted.iter().any(|proxy| plain(*proxy) == address);
    for line in forwarded.rev() {
        for entry in line.as_ref().rsplit(',') {
            match entry.trim().parse() {
                Ok(address) if trusts(nearest) => nearest = plain(address),
                _ => return nearest,
            }
        }
    }
    nearest
}

/// What limits are counted by: an IPv4 address, or the /64 that one IPv6 customer has
/// (attack A7).
pub fn limit_key(address: IpAddr) -> String {
    match plain(address) {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & (u128::MAX << 64);
            format!("{}/64", Ipv6Addr::from(network))
        }
    }
}

/// An IPv4 address in IPv6's clothes is an IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Attack A9: a header that resets limits.
    #[test]
    fn a_forwarded_address_is_believed_from_a_trusted_proxy_alone() {
        let trusted = [ip("10.0.0.2"), ip("10.0.0.3")];
        let who = |peer, lines: &[&str]| client(ip(peer), lines.iter().copied(), &trusted);

        assert_eq!(who("192.0.2.9", &["198.51.100.1"]), ip("192.0.2.9"));
        assert_eq!(who("10.0.0.2", &["6.6.6.6, 198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(who("10.0.0.2", &["6.6.6.6", "198.51.100.1, 10.0.0.3"]), ip("198.51.100.1"));
        assert_eq!(who("::ffff:10.0.0.2", &["198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(who("10.0.0.2", &["nonsense"]), ip("10.0.0.2"));
        assert_eq!(who("10.0.0.2", &[]), ip("10.0.0.2"));
    }

    /// Attack A7: one customer's many addresses.
    #[test]
    fn limits_count_an_ipv6_network_as_one() {
        assert_eq!(limit_key(ip("2001:DB8::1")), limit_key(ip("2001:db8:0:0:ffff::9")));
        assert_ne!(limit_key(ip("2001:db8:0:1::1")), limit_key(ip("2001:db8::1")));
        assert_eq!(limit_key(ip("::ffff:192.0.2.1")), limit_key(ip("192.0.2.1")));
    }
}
