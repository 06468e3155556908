use std::net::SocketAddr;

use http::{HeaderName, HeaderValue};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

const FORWARDED: &str = "forwarded";
const CUSTOM: &str = "x-forwarded-for";

/// The proxy that the connection is from, another one before it, and a client.
const NEAR: &str = "10.0.0.1";
const FAR: &str = "10.0.0.2";
const CLIENT: &str = "203.0.113.7";

fn proxies() -> Networks {
    "10.0.0.0/8,2001:db8:f::/48".parse().unwrap()
}

fn headers(lines: &[(&str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

fn sender_of(from: &str, lines: &[(&str, &[u8])]) -> (String, bool) {
    let from = from.parse::<IpAddr>().unwrap().to_canonical();
    let proxies = proxies();
    let (address, is_disputed) = match proxies.contains(from) {
        true => chain::client(from, &headers(lines), &proxies),
        false => (from, false),
    };
    (address.to_string(), is_disputed)
}

#[track_caller]
fn assert_client(lines: &[(&str, &str)], expected: &str) {
    let bytes: Vec<_> = lines.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    let found = sender_of(NEAR, &bytes);
    assert_eq!(found, (expected.to_owned(), false), "{lines:?}");
}

#[test]
fn the_right_most_address_that_is_no_proxy_is_the_client() {
    for value in [
        "203.0.113.7",
        "203.0.113.7:4711",
        "::ffff:203.0.113.7",
        "[::ffff:203.0.113.7]:4711",
        "1.1.1.1, 203.0.113.7",
        "1.1.1.1,203.0.113.7 , 10.0.0.2",
        "nonsense, \", 203.0.113.7, 10.0.0.2:1, [2001:db8:f::1]",
    ] {
        assert_client(&[(CUSTOM, value)], CLIENT);
    }
    for value in [
        "for=203.0.113.7",
        "For=\"203.0.113.7:4711\"",
        "for=\"203.0.113.7:_p0rt\" ; proto=https;by=10.0.0.1",
        "by=\"[2001:db8:f::1]\";host=\"a,b;for=1.1.1.1\";for=203.0.113.7",
        "for=1.1.1.1;host=\"\\\"\", for=\"203.0.113.\\7\";host=\"x\\\\\", for=10.0.0.2",
    ] {
        assert_client(&[(FORWARDED, value)], CLIENT);
    }
    assert_client(&[(FORWARDED, "for=\"[2001:db8::7]:4711\"")], "2001:db8::7");
    assert_client(&[(CUSTOM, "2001:db8::7")], "2001:db8::7");
}

#[test]
fn several_lines_are_one_list() {
    let lines = [(CUSTOM, "1.1.1.1"), (CUSTOM, CLIENT), (CUSTOM, FAR)];
    assert_client(&lines, CLIENT);
    // A quote ends with its line.
    let lines = [(FORWARDED, "for=\"1.1.1.1"), (FORWARDED, "for=203.0.113.7")];
    assert_client(&lines, CLIENT);
}

#[test]
fn what_cannot_be_read_or_is_hidden_ends_the_search() {
    for value in [
        "",
        "1.1.1.1, unknown",
        "1.1.1.1, _hidden",
        "1.1.1.1,",
        "1.1.1.1, 1.2.3",
        "1.1.1.1, 1.2.3.4.5",
        "1.1.1.1, 1.2.3.4:port",
        "1.1.1.1, [::1",
        "1.1.1.1, [1.2.3.4]",
        "1.1.1.1, fe80::1%eth0",
    ] {
        assert_client(&[(CUSTOM, value)], NEAR);
        let far = format!("{value}, {FAR}");
        assert_client(&[(CUSTOM, &far)], FAR);
    }
    for value in [
        "for=1.1.1.1, for=unknown",
        "for=1.1.1.1, for=\"_hidden\"",
        "for=1.1.1.1, by=1.2.3.4",
        "for=1.1.1.1, for=1.2.3.4;for=1.2.3.5",
        "for=1.1.1.1, for",
        "for=1.1.1.1, for=\"1.2.3.4",
        "for=1.1.1.1, for=1.2.3.4\"",
        "for=1.1.1.1, for=\"1.2.3.4\"5\"",
    ] {
        assert_client(&[(FORWARDED, value)], NEAR);
    }
    assert_client(&[], NEAR);
}

#[test]
fn only_proxies_are_believed() {
    let lines = [(CUSTOM, "1.1.1.1".as_bytes())];
    assert_eq!(sender_of("8.8.8.8", &lines).0, "8.8.8.8");
    assert_eq!(sender_of("::ffff:10.0.0.1", &lines).0, "1.1.1.1");
    assert_eq!(sender_of("2001:db8:f::9", &lines).0, "1.1.1.1");
}

#[test]
fn two_headers_count_as_far_as_they_agree() {
    let both = |rfc: &str, custom: &str| {
        sender_of(
            NEAR,
            &[(FORWARDED, rfc.as_bytes()), (CUSTOM, custom.as_bytes())],
        )
    };
    let agreed = |address: &str| (address.to_owned(), false);
    let disputed = |address: &str| (address.to_owned(), true);
    assert_eq!(both("for=203.0.113.7", CLIENT), agreed(CLIENT));
    assert_eq!(both("for=1.1.1.1, for=203.0.113.7", CLIENT), agreed(CLIENT));
    assert_eq!(both("for=1.1.1.1", CLIENT), disputed(NEAR));
    assert_eq!(
        both("for=1.1.1.1, for=10.0.0.2", "203.0.113.7, 10.0.0.2"),
        disputed(FAR)
    );
    assert_eq!(both("for=10.0.0.2", "203.0.113.7, 10.0.0.2"), disputed(FAR));
    assert_eq!(both("for=unknown", "_hidden"), agreed(NEAR));
    assert_eq!(both("for=unknown", CLIENT), disputed(NEAR));
}

#[test]
fn a_sender_is_limited_by_their_own_address() {
    let proxies = Proxies::new(proxies());
    let at = |address: &str| Some(SocketAddr::new(address.parse().unwrap(), 1));
    let lines = headers(&[(CUSTOM, CLIENT.as_bytes())]);
    let sender = proxies.sender(at(NEAR), &lines);
    assert_eq!(sender.peer, Peer::from(CLIENT.parse::<IpAddr>().unwrap()));
    proxies.replace(Networks::default());
    let sender = proxies.sender(at(NEAR), &lines);
    assert_eq!(sender.peer, Peer::from(NEAR.parse::<IpAddr>().unwrap()));
    assert_eq!(proxies.sender(None, &lines).address, None);
}

/// What a header may hold.
fn forged() -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(vec![
        "for=",
        "FOR=\"",
        "\"",
        "\\",
        "\\\"",
        ",",
        ", ",
        ";",
        "=",
        "[",
        "]",
        ":",
        "1.1.1.1",
        "10.0.0.9",
        "unknown",
        "_x",
        "by=",
        "2001:db8::1",
        "proto=https",
        " ",
        "\t",
        "é",
    ]);
    vec(pieces, 0..16).prop_map(|pieces| pieces.concat().into_bytes())
}

/// What the proxies add: their clients, the far one first.
fn hops() -> impl Strategy<Value = Vec<IpAddr>> {
    let client = prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())),
    ];
    let proxy = any::<u8>().prop_map(|n| IpAddr::from([10, 0, 0, n]));
    (client, vec(proxy, 0..4)).prop_map(|(client, proxies)| {
        let mut hops = proxies;
        hops.insert(0, client);
        hops
    })
}

/// How a proxy writes its client.
fn written(hop: IpAddr, name: &str, style: u8) -> String {
    let port = if style & 1 == 0 { "" } else { ":4711" };
    let node = match hop {
        IpAddr::V4(hop) => format!("{hop}{port}"),
        IpAddr::V6(hop) => format!("[{hop}]{port}"),
    };
    match (name, style & 2) {
        (CUSTOM, _) => node,
        (_, 0) => format!("proto=https;for=\"{node}\""),
        (_, _) => format!("for=\"{node}\";host=\"a\\\"b,for=9.9.9.9;\\\\\""),
    }
}

proptest! {
    /// Whatever a client writes before the proxies add their part, on the same line or on others,
    /// in one header or in both, it never is told from what the proxies say.
    #[test]
    fn an_untrusted_hop_never_chooses_who_it_is(
        is_rfc in any::<bool>(),
        forged_lines in vec(forged(), 0..3),
        forged_begin in option::of(forged()),
        hops in hops(),
        styles in vec(0..4_u8, 4),
        on_own_lines in any::<bool>(),
    ) {
        let name = if is_rfc { FORWARDED } else { CUSTOM };
        let added: Vec<String> =
            hops.iter().zip(&styles).map(|(hop, style)| written(*hop, name, *style)).collect();
        let mut lines: Vec<(&str, Vec<u8>)> =
            forged_lines.into_iter().map(|line| (name, line)).collect();
        match on_own_lines {
            true => lines.extend(added.into_iter().map(|added| (name, added.into_bytes()))),
            false => {
                let begin = forged_begin.map(|mut forged| {
                    forged.extend(b", ");
                    forged
                });
                let mut line = begin.unwrap_or_default();
                line.extend(added.join(", ").into_bytes());
                lines.push((name, line));
            }
        }
        // Only the first hop is no proxy of the configuration, or none is.
        let client = hops[0].to_canonical();
        prop_assume!(!proxies().contains(client));
        let lines: Vec<_> = lines.iter().map(|(name, line)| (*name, &**line)).collect();
        prop_assert_eq!(sender_of(NEAR, &lines), (client.to_string(), false));
    }

    /// With the header that the proxies do not write, a client can only make them seem to be the
    /// client, and that is told.
    #[test]
    fn the_other_header_chooses_nobody_else(
        is_rfc in any::<bool>(),
        other_lines in vec(forged(), 1..3),
        hops in hops(),
    ) {
        let (name, other) = if is_rfc { (FORWARDED, CUSTOM) } else { (CUSTOM, FORWARDED) };
        let added: Vec<_> = hops.iter().map(|hop| written(*hop, name, 0)).collect();
        let added = added.join(", ").into_bytes();
        let mut lines: Vec<_> = other_lines.iter().map(|line| (other, &**line)).collect();
        lines.push((name, &*added));
        let client = hops[0].to_canonical();
        prop_assume!(!proxies().contains(client));
        let (address, is_disputed) = sender_of(NEAR, &lines);
        let is_proxy = proxies().contains(address.parse().unwrap());
        prop_assert!(
            if is_disputed { is_proxy } else { address == client.to_string() },
            "{address} {is_disputed}"
        );
    }
}
