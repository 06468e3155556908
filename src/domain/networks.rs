//! Networks of addresses.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, Serialize, de};

/// A list of networks, such as `203.0.113.0/24`. An address alone is a network of one. An IPv4
/// address that is written as an IPv6 one (`::ffff:203.0.113.7`) is the IPv4 address.
///
/// It is read from a list of texts, or from one text with commas, as variables have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Networks(Vec<IpNet>);

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It is neither a network nor an address.
    #[error("`{0}` is neither a network such as \"203.0.113.0/24\" nor an address")]
    Malformed(String),
    /// It has bits that its own prefix leaves out: one of the two is a mistake.
    #[error("`{0}` names a host in a network: write \"{1}\", or the address alone")]
    HostBits(String, IpNet),
}

impl Networks {
    /// Whether an address is in one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Networks {
    type Err = NetworkError;

    /// Reads networks between commas.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let texts = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        texts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

fn network(text: &str) -> Result<IpNet, NetworkError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let malformed = |_| NetworkError::Malformed(text.chars().take(64).collect());
    let network: IpNet = text.parse().map_err(malformed)?;
    if network.addr() != network.network() {
        return Err(NetworkError::HostBits(text.into(), network.trunc()));
    }
    Ok(canonical(network))
}

/// The IPv4 network that an IPv6 one is, if all of its addresses are IPv4 ones.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED_PREFIX: u8 = 96;
    let mapped = match (network.addr().to_canonical(), network.prefix_len()) {
        (IpAddr::V4(address), length) => length
            .checked_sub(MAPPED_PREFIX)
            .and_then(|length| Ipv4Net::new(address, length).ok()),
        (IpAddr::V6(_), _) => None,
    };
    match network {
        IpNet::V6(_) => mapped.map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Networks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of networks such as [\"203.0.113.0/24\"]")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Networks, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut texts: A) -> Result<Networks, A::Error> {
                let mut networks = Vec::new();
                while let Some(text) = texts.next_element::<String>()? {
                    networks.push(network(text.trim()).map_err(de::Error::custom)?);
                }
                Ok(Networks(networks))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Networks {
        text.parse().unwrap()
    }

    #[track_caller]
    fn has(networks: &Networks, address: &str) -> bool {
        networks.contains(address.parse().unwrap())
    }

    #[test]
    fn networks_and_addresses_contain_what_they_say() {
        let all = networks("203.0.113.0/24, 198.51.100.7,2001:db8::/32 ,2001:db9::1");
        for inside in [
            "203.0.113.0",
            "203.0.113.255",
            "198.51.100.7",
            "2001:db8:ffff::1",
            "2001:db9::1",
        ] {
            assert!(has(&all, inside), "{inside}");
        }
        for outside in ["203.0.114.0", "198.51.100.8", "2001:db9::2", "::1"] {
            assert!(!has(&all, outside), "{outside}");
        }
        assert!(networks("").is_empty() && !has(&networks(""), "127.0.0.1"));
    }

    #[test]
    fn an_ipv4_address_is_one_also_when_it_is_written_as_ipv6() {
        for (network, inside, outside) in [
            ("203.0.113.0/24", "::ffff:203.0.113.7", "::ffff:203.0.114.7"),
            ("::ffff:203.0.113.0/120", "203.0.113.7", "203.0.114.7"),
            ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.8"),
            ("0.0.0.0/0", "::ffff:1.2.3.4", "::1"),
            ("::/0", "::1", "1.2.3.4"),
        ] {
            let network = networks(network);
            assert!(
                has(&network, inside) && !has(&network, outside),
                "{network:?}"
            );
        }
    }

    #[test]
    fn what_is_no_network_is_told() {
        for (text, told) in [
            ("203.0.113.5/24", "write \"203.0.113.0/24\""),
            ("203.0.113.0/33", "neither a network"),
            ("vendor.example", "neither a network"),
            ("10.0.0.0/8, x", "`x` is neither"),
        ] {
            let error = text.parse::<Networks>().unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_list_and_a_text_with_commas_are_the_same_and_are_written_as_a_list() {
        let list: Networks = serde_json::from_str(r#"["10.0.0.0/8", "::1"]"#).unwrap();
        assert_eq!(list, networks("10.0.0.0/8,::1"));
        let written = serde_json::to_string(&list).unwrap();
        assert_eq!(written, r#"["10.0.0.0/8","::1/128"]"#);
        assert_eq!(serde_json::from_str::<Networks>(&written).unwrap(), list);
        assert!(serde_json::from_str::<Networks>("7").is_err());
    }
}
