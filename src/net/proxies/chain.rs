//! Reads what proxies say of their clients. Pure.
//!
//! Headers are read from the right, element by element. What is further left cannot change how an
//! element is read, and an element is not looked at before all at its right are trusted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};

use crate::domain::Networks;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of the proxy `from`, and whether two headers disagree on it.
pub(super) fn client(from: IpAddr, headers: &HeaderMap, proxies: &Networks) -> (IpAddr, bool) {
    let chain = |name| headers.contains_key(&name).then(|| elements(headers, name));
    let by_rfc = chain(FORWARDED).map(|elements| elements.map(forwarded_for));
    let by_custom = chain(X_FORWARDED_FOR).map(|elements| elements.map(node));
    match (by_rfc, by_custom) {
        (Some(hops), None) => (last_trusted(from, hops, proxies), false),
        (None, Some(hops)) => (last_trusted(from, hops, proxies), false),
        (None, None) => (from, false),
        (Some(one), Some(other)) => {
            let mut is_disputed = false;
            let agreed = zip_longest(one, other).map(|(one, other)| {
                is_disputed = one != other;
                one.flatten().filter(|_| !is_disputed)
            });
            let client = last_trusted(from, agreed, proxies);
            (client, is_disputed)
        }
    }
}

/// Follows hops for as long as proxies name them, nearest first.
fn last_trusted(
    from: IpAddr,
    mut hops: impl Iterator<Item = Option<IpAddr>>,
    proxies: &Networks,
) -> IpAddr {
    let mut latest = from;
    while proxies.contains(latest)
        && let Some(Some(hop)) = hops.next()
    {
        latest = hop;
    }
    latest
}

/// Pairs of two sequences, for as long as either has something.
fn zip_longest<T>(
    mut one: impl Iterator<Item = T>,
    mut other: impl Iterator<Item = T>,
) -> impl Iterator<Item = (Option<T>, Option<T>)> {
    std::iter::from_fn(move || match (one.next(), other.next()) {
        (None, None) => None,
        pair => Some(pair),
    })
}

/// The elements of a header, the last first. Several lines of it are one list.
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    let lines: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    let lines = lines.into_iter().rev();
    lines.flat_map(|line| {
        let mut left = Some(line.as_bytes());
        std::iter::from_fn(move || {
            let (before, element) = split_last(left?);
            left = before;
            Some(element)
        })
    })
}

/// The last element of a list, and what is before it.
fn split_last(list: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut is_quoted = false;
    for (i, byte) in list.iter().enumerate().rev() {
        match byte {
            b'"' if !is_escaped(list, i) => is_quoted = !is_quoted,
            b',' if !is_quoted => return (Some(&list[..i]), &list[i + 1..]),
            _ => {}
        }
    }
    (None, list)
}

/// Whether a quote is one in a quoted text, by the backslashes before it.
fn is_escaped(text: &[u8], quote: usize) -> bool {
    let before = text[..quote].iter().rev();
    before.take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The address of `for` in an element of `Forwarded`; `None` if there is none that can be read.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for pair in pairs(element) {
        let (name, value) = pair.split_at_checked(pair.iter().position(|byte| *byte == b'=')?)?;
        if !name.trim_ascii().eq_ignore_ascii_case(b"for") {
            continue;
        }
        if found.is_some() {
            return None;
        }
        found = Some(node(&unquoted(value[1..].trim_ascii())?)?);
    }
    found
}

/// The pairs of an element, between semicolons that are not quoted.
fn pairs(element: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    let pairs = element.split(move |byte| {
        let escapes = is_quoted && !is_escaped && *byte == b'\\';
        if *byte == b'"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = escapes;
        *byte == b';' && !is_quoted
    });
    pairs.filter(|pair| !pair.trim_ascii().is_empty())
}

/// A value without its quotes and what is escaped in them; `None` if the quotes do not match.
fn unquoted(value: &[u8]) -> Option<Vec<u8>> {
    let Some(rest) = value.strip_prefix(b"\"") else {
        return (!value.contains(&b'"')).then(|| value.to_vec());
    };
    let mut bytes = rest.strip_suffix(b"\"")?.iter();
    let mut text = Vec::new();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => text.push(*bytes.next()?),
            b'"' => return None,
            byte => text.push(byte),
        }
    }
    Some(text)
}

/// The address of a node, with a port or without; `None` for a hidden one or none at all.
fn node(text: &(impl AsRef<[u8]> + ?Sized)) -> Option<IpAddr> {
    let text = str::from_utf8(text.as_ref().trim_ascii()).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let is_whole = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        return is_whole.then(|| address.to_canonical());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = text.split_once(':')?;
    let address: Ipv4Addr = address.parse().ok()?;
    is_port(port).then(|| address.into())
}

/// Whether a text is a port, or hides one (`_port`).
fn is_port(text: &str) -> bool {
    let is_hidden = text.starts_with('_');
    let is_of_port = |byte: u8| match is_hidden {
        true => byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'),
        false => byte.is_ascii_digit(),
    };
    !text.is_empty() && text.bytes().all(is_of_port)
}
