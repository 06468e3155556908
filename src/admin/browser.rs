//! What a browser says of where a request comes from.
//!
//! A page of any site can let its reader's browser send requests to this front, which may listen
//! to the reader's own machine alone, or know the reader's certificate. The page cannot read the
//! answers, but what a `POST` does would be done.

use std::net::IpAddr;

use http::{
    HeaderName, Uri,
    header::{HOST, ORIGIN},
    request::Parts,
    uri::Authority,
};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a page of another origin sent the request. Only browsers say where it is from.
pub(super) fn is_of_another_site(head: &Parts) -> bool {
    let origins = head.headers.get_all(ORIGIN).iter();
    let mut origins = origins.map(|origin| origin.to_str().ok().and_then(|it| it.parse().ok()));
    let own = host(head);
    let is_own = |origin: Option<Uri>| match (origin, &own) {
        (Some(origin), Some(own)) => origin.scheme().is_some() && origin.authority() == Some(own),
        _ => false,
    };
    let sites = head.headers.get_all(FETCH_SITE).iter();
    // `none` is the reader themselves, who typed an address.
    let mut sites = sites.map(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    !origins.all(is_own) || !sites.all(|is_own| is_own)
}

/// Whether the request names this machine as no other can. A site whose name leads to the address
/// of this machine is the same origin for a browser.
pub(super) fn names_this_machine(head: &Parts) -> bool {
    let Some(host) = host(head) else {
        return false;
    };
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: IpAddr| address.is_loopback();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

/// The host that is asked, with its port.
fn host(head: &Parts) -> Option<Authority> {
    let named = || head.headers.get(HOST)?.to_str().ok()?.parse().ok();
    head.uri.authority().cloned().or_else(named)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::post("/reload");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_a_page_of_the_front_itself_may_ask() {
        const OWN: (&str, &str) = ("host", "h:9090");
        let own = [
            &[OWN][..],
            &[OWN, ("origin", "http://h:9090")],
            &[OWN, ("origin", "https://H:9090")],
            &[OWN, ("sec-fetch-site", "same-origin")],
            &[OWN, ("sec-fetch-site", "none")],
        ];
        for headers in own {
            assert!(!is_of_another_site(&head(headers)), "{headers:?}");
        }
        let others = [
            &[OWN, ("origin", "http://evil.example")][..],
            &[OWN, ("origin", "http://h")],
            &[OWN, ("origin", "http://h:9091")],
            &[OWN, ("origin", "null")],
            &[OWN, ("origin", "h:9090")],
            &[OWN, ("origin", "")],
            &[
                OWN,
                ("origin", "http://h:9090"),
                ("origin", "http://evil.example"),
            ],
            &[
                OWN,
                ("origin", "http://h:9090"),
                ("sec-fetch-site", "cross-site"),
            ],
            &[OWN, ("sec-fetch-site", "same-site")],
            &[("origin", "http://h:9090")],
        ];
        for headers in others {
            assert!(is_of_another_site(&head(headers)), "{headers:?}");
        }
    }

    #[test]
    fn a_name_that_anybody_may_give_this_machine_is_not_its_own() {
        for host in ["localhost", "LOCALHOST:9", "127.0.0.1:9", "[::1]:9"] {
            assert!(names_this_machine(&head(&[("host", host)])), "{host}");
        }
        for host in ["evil.example:9", "localhost.evil.example", "10.0.0.1", ""] {
            assert!(!names_this_machine(&head(&[("host", host)])), "{host}");
        }
        assert!(!names_this_machine(&head(&[])));
    }
}
