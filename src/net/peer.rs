//! Who is at the other end, as far as limits are concerned.

use std::net::{IpAddr, Ipv6Addr};

/// The bits of an IPv6 address that name a network. Whoever has one host in it may take any of
/// its 2^64 addresses, so limits are of the network.
const IPV6_NETWORK: u128 = u128::MAX << 64;

/// An address as limits see it: an IPv4 address, or an IPv6 network of 64 bits. All proxies that
/// the configuration knows are one peer, which has no share: it brings what everybody sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Address(IpAddr),
    Proxies,
}

impl Peer {
    /// The proxies that the configuration knows.
    pub fn proxies() -> Self {
        Self(Kind::Proxies)
    }

    /// Whether it is the proxies that the configuration knows.
    pub fn is_proxies(self) -> bool {
        self.0 == Kind::Proxies
    }
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        // An IPv4 client of a socket that takes both has an IPv6 address that says so.
        Self(Kind::Address(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & IPV6_NETWORK).into(),
            address @ IpAddr::V4(_) => address,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
    }
}
