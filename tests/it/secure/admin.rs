//! Every route of the admin front, with every kind of credential, right and wrong.

use std::time::Duration;

use bytes::Bytes;
use headcount::remote::Proof;
use http::{Method, Request, Response, header};
use http_body_util::Full;

use super::site::{ADMIN_TOKEN, ARENA_TOKEN, CREDENTIALS, Show, Site, bearer, jwt, signed_jwt};

const LOOPBACK: &str = "listen = \"127.0.0.1:0\"";
const OPEN: &str = "listen = \"0.0.0.0:0\"";
const ANONYMOUS: &str = "listen = \"0.0.0.0:0\", anonymous = true";

/// The routes, in the order of the answers below.
const ROUTES: [(Method, &str); 5] = [
    (Method::GET, "/healthz"),
    (Method::GET, "/readyz"),
    (Method::GET, "/metrics"),
    (Method::GET, "/refusals"),
    (Method::POST, "/reload"),
];

/// What somebody is as far as the front is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Wrong,
    NoOperator,
    Operator,
}

impl Site {
    /// The answer of the admin front.
    async fn ask(&self, show: &Show, method: &Method, path: &str) -> Response<Bytes> {
        self.write("ca.pem", &self.authority.pem());
        let mut proof = Proof {
            ca: Some(self.path("ca.pem")),
            ..Proof::default()
        };
        match show {
            Show::Nothing => {}
            Show::Bearer(token) => {
                self.write("shown.token", token);
                proof.token_file = Some(self.path("shown.token"));
            }
            Show::Certificate(pair) => {
                pair.write(&self.path(""), "shown");
                proof.cert = Some(self.path("shown.pem"));
                proof.key = Some(self.path("shown.key"));
            }
        }
        let base = format!("https://localhost:{}", self.admin.port());
        let client = proof.http(&base, 1 << 20).unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}{path}"));
        if let Some(authorization) = proof.authorization().unwrap() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Full::default()).unwrap();
        client.request(request).await.unwrap()
    }

    async fn statuses(&self, show: &Show) -> [u16; 5] {
        let mut statuses = [0; 5];
        for ((method, path), status) in ROUTES.iter().zip(&mut statuses) {
            *status = self.ask(show, method, path).await.status().as_u16();
        }
        statuses
    }
}

/// Everything that may be shown: tokens, JWTs and certificates.
fn shown(site: &Site) -> Vec<(&'static str, Show, Who)> {
    let certificate = |name: &str| Show::Certificate(site.clients.sign(name));
    let hour = Duration::from_secs(3600);
    let forged = signed_jwt(&["*"], 3600.0, b"somebody else signs with this");
    let expired = signed_jwt(&["*"], -1.0, b"what the identity provider signs with");
    vec![
        ("nothing", Show::Nothing, Who::Nobody),
        (
            "a wrong token",
            bearer("some token that nobody knows"),
            Who::Wrong,
        ),
        ("arena's token", bearer(ARENA_TOKEN), Who::NoOperator),
        ("the operators' token", bearer(ADMIN_TOKEN), Who::Operator),
        ("a forged JWT", Show::Bearer(forged), Who::Wrong),
        ("an expired JWT", Show::Bearer(expired), Who::Wrong),
        // No claim makes an operator.
        (
            "a JWT of all apps",
            Show::Bearer(jwt(&["*"], hour)),
            Who::NoOperator,
        ),
        (
            "a certificate of another name",
            certificate("example"),
            Who::Wrong,
        ),
        (
            "arena's certificate",
            certificate("game.example"),
            Who::NoOperator,
        ),
        (
            "the operators' certificate",
            certificate("operator.example"),
            Who::Operator,
        ),
    ]
}

#[tokio::test]
async fn every_route_is_answered_by_who_asks() {
    let nobody_is_operator = CREDENTIALS.replace("admin = true", "admin = false");
    // By the front and its credentials: the statuses of `/metrics`, and of `/refusals` and `/reload`, for nobody, with
    // something wrong, and with the credential of somebody else and of an operator.
    let fronts = [
        (
            LOOPBACK,
            CREDENTIALS,
            [200, 200, 200, 200],
            [401, 401, 403, 200],
        ),
        (
            LOOPBACK,
            &*nobody_is_operator,
            [200, 200, 200, 200],
            [200, 200, 200, 200],
        ),
        (
            OPEN,
            CREDENTIALS,
            [401, 401, 403, 200],
            [401, 401, 403, 200],
        ),
        (
            ANONYMOUS,
            CREDENTIALS,
            [200, 200, 200, 200],
            [401, 401, 403, 200],
        ),
        (
            ANONYMOUS,
            &*nobody_is_operator,
            [200, 200, 200, 200],
            [403, 403, 403, 403],
        ),
    ];
    for (front, credentials, metrics, act) in fronts {
        let site = Site::serve_with(front, credentials).await;
        for (what, show, who) in shown(&site) {
            let of = |statuses: [u16; 4]| statuses[who as usize];
            let expected = [200, 200, of(metrics), of(act), of(act)];
            assert_eq!(site.statuses(&show).await, expected, "{what} at {front}");
        }
    }
}

#[tokio::test]
async fn a_credential_that_is_taken_away_opens_nothing() {
    let site = Site::serve_with(OPEN, CREDENTIALS).await;
    let operator = bearer(ADMIN_TOKEN);
    assert_eq!(site.statuses(&operator).await[2..], [200, 200, 200]);
    // Another one stays, so that the front may go on.
    let left = CREDENTIALS.replace("token_file = \"admin.token\"", "token_file = \"new.token\"");
    site.write("new.token", "a-token-that-replaces-the-old-one");
    site.reload(&left).unwrap();
    assert_eq!(site.statuses(&operator).await[2..], [401, 401, 401]);
    let replaced = bearer("a-token-that-replaces-the-old-one");
    assert_eq!(site.statuses(&replaced).await[2..], [200, 200, 200]);
    // Without any, nobody would be asked: that is refused as at a start.
    let error = site.reload("").unwrap_err();
    assert!(error.contains("admin.listen"), "{error}");
    // So is it by the front itself, where the credential is still right.
    assert_eq!(site.statuses(&replaced).await[2..], [200, 200, 422]);
}

#[tokio::test]
async fn who_is_refused_is_told_why_and_how_to_be_let_in() {
    let site = Site::serve_with(OPEN, CREDENTIALS).await;
    let ask = async |show: &Show| site.ask(show, &Method::GET, "/metrics").await;
    let text = |answer: &Response<Bytes>| String::from_utf8_lossy(answer.body()).into_owned();
    let nobody = ask(&Show::Nothing).await;
    let challenge = nobody.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert_eq!(challenge, "Bearer realm=\"headcount\"");
    assert!(
        text(&nobody).contains("or a client certificate"),
        "{nobody:?}"
    );
    let wrong = ask(&bearer("some token that nobody knows")).await;
    let challenge = wrong.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.contains("invalid_token"), "{challenge}");
    assert!(!text(&wrong).contains("nobody-knows"), "{wrong:?}");
    let other = ask(&bearer(ARENA_TOKEN)).await;
    assert!(
        text(&other).contains("\"arena\" is not one of operators"),
        "{other:?}"
    );

    let page = text(&ask(&bearer(ADMIN_TOKEN)).await);
    assert!(
        page.contains("headcount_admin_requests_refused_total 3\n"),
        "{page}"
    );
}
