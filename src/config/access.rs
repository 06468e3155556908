//! Who may ask: tokens, JWTs and client certificates.

use std::{
    collections::HashSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    Config, GrpcConfig,
    error::{ConfigError, wrong},
};
use crate::access::{
    Apps, CertificateGrant, Jwt, JwtRules, KnownCredentials, TokenDigest, TokenGrant,
};

/// A token is at least as long as this. A shorter one could be found by trying.
const TOKEN_BYTES_MIN: usize = 16;

/// How much of a file is read. A token is some dozen bytes, a set of keys some KiB.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A bearer token, and what it grants.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// Its name, for logs and metrics.
    pub name: String,
    /// The file that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Instead of a file: its SHA-256, as hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_sha256: Option<String>,
    /// The apps that may be asked about; `*` is all.
    pub apps: Vec<String>,
    /// Whether the calls for operators are allowed.
    #[serde(default)]
    pub admin: bool,
}

/// What makes a JWT valid, and what it grants.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct JwtConfig {
    /// The file with the issuer's keys, a JSON Web Key Set.
    pub keys_file: PathBuf,
    /// Who must have issued it.
    pub issuer: Option<String>,
    /// Whom it must be for.
    pub audience: Option<String>,
    /// The claim that lists the apps.
    pub apps_claim: String,
}

/// A client certificate, and what it grants.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// One of its alternative names: a DNS name, a URI, an address or an e-mail address.
    pub san: String,
    /// The apps that may be asked about; `*` is all.
    pub apps: Vec<String>,
    /// Whether the calls for operators are allowed.
    #[serde(default)]
    pub admin: bool,
}

/// Who may see which calls there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reflection {
    /// Everybody.
    Open,
    /// Those with credentials.
    Authenticated,
    /// Nobody.
    Off,
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            keys_file: PathBuf::new(),
            issuer: None,
            audience: None,
            apps_claim: "headcount_apps".into(),
        }
    }
}

impl GrpcConfig {
    /// Whether credentials are asked for.
    pub fn knows_credentials(&self) -> bool {
        !self.tokens.is_empty() || self.jwt.is_some() || !self.clients.is_empty()
    }

    /// Makes the relative paths of secrets relative to a folder.
    pub(super) fn resolve_secrets(&mut self, folder: &Path) {
        let tokens = self.tokens.iter_mut();
        let tokens = tokens.filter_map(|token| token.token_file.as_mut());
        let keys = self.jwt.iter_mut().map(|jwt| &mut jwt.keys_file);
        for file in tokens.chain(keys) {
            *file = folder.join(&*file);
        }
    }
}

impl Config {
    /// Reads the credentials that are known from their files.
    ///
    /// # Errors
    /// Names the key whose file cannot be used.
    pub fn credentials(&self) -> Result<KnownCredentials, ConfigError> {
        let tokens: Result<Vec<_>, _> = self.grpc.tokens.iter().map(token).collect();
        let clients = self.grpc.clients.iter().map(|client| CertificateGrant {
            san: client.san.as_str().into(),
            apps: apps(&client.apps),
            is_admin: client.admin,
        });
        Ok(KnownCredentials {
            tokens: tokens?,
            jwt: self.grpc.jwt.as_ref().map(jwt).transpose()?,
            certificates: clients.collect(),
        })
    }

    /// Checks that each credential is one, and that nobody is let in by mistake.
    pub(super) fn check_access(&self) -> Result<(), ConfigError> {
        let grpc = &self.grpc;
        let mut names = HashSet::new();
        for token in &grpc.tokens {
            let key = |key: &str| format!("grpc.tokens.{}.{key}", token.name);
            if token.name.is_empty() {
                return wrong("grpc.tokens.name", "must not be empty");
            }
            if !names.insert(&token.name) {
                return wrong(key("name"), "two tokens have this name");
            }
            if token.token_file.is_some() == token.token_sha256.is_some() {
                return wrong(key("token_file"), "name either a file or `token_sha256`");
            }
            if token.apps.is_empty() {
                return wrong(key("apps"), "grants nothing: list apps, or [\"*\"]");
            }
        }
        for client in &grpc.clients {
            if client.san.is_empty() || client.apps.is_empty() {
                return wrong("grpc.clients", "each has a `san`, and `apps`, or [\"*\"]");
            }
        }
        if !grpc.clients.is_empty() && grpc.tls.as_ref().is_none_or(|tls| tls.client_ca.is_none()) {
            return wrong(
                "grpc.clients",
                "certificates are not asked for: name the authority of clients in `grpc.tls.client_ca`",
            );
        }
        let known = grpc.knows_credentials();
        if known && grpc.anonymous {
            return wrong(
                "grpc.anonymous",
                "there are credentials, so everybody has to show some: leave out one of the two",
            );
        }
        let is_open = |is_loopback: bool, anonymous: bool| !(is_loopback || known || anonymous);
        if is_open(grpc.listen.ip().is_loopback(), grpc.anonymous) {
            let ways_out = "list [[grpc.tokens]], or say `anonymous = true` where only your own servers reach it";
            return wrong("grpc.listen", open_to_all(grpc.listen, ways_out));
        }
        if let Some(listen) = self.admin.listen
            && !(listen.ip().is_loopback() || self.admin.anonymous || self.may_know_operators())
        {
            let ways_out = "give one of [[grpc.tokens]] `admin = true`, or one of [[grpc.clients]] with `admin.tls.client_ca`, or say `anonymous = true` where only operators reach it";
            return wrong("admin.listen", open_to_all(listen, ways_out));
        }
        Ok(())
    }

    /// Whether an operator can show who they are to the admin front.
    fn may_know_operators(&self) -> bool {
        let tls = self.admin.tls.as_ref();
        let takes_certificates = tls.is_some_and(|tls| tls.client_ca.is_some());
        let GrpcConfig {
            tokens, clients, ..
        } = &self.grpc;
        tokens.iter().any(|token| token.admin)
            || (takes_certificates && clients.iter().any(|client| client.admin))
    }

    /// What of the credentials is allowed but likely not meant.
    pub(super) fn access_warnings(&self) -> Vec<String> {
        let grpc = &self.grpc;
        let tokens = grpc.tokens.iter();
        let tokens = tokens.map(|token| (format!("grpc.tokens.{}", token.name), &token.apps));
        let clients = grpc.clients.iter();
        let clients = clients.map(|client| (format!("grpc.clients.{}", client.san), &client.apps));
        let is_unknown =
            |name: &&String| *name != "*" && !self.apps.iter().any(|app| app.name == **name);
        let mut warnings: Vec<_> = (tokens.chain(clients))
            .flat_map(|(key, apps)| {
                let unknown = apps.iter().filter(is_unknown);
                unknown.map(move |name| format!("{key}.apps: no app is called {name:?}"))
            })
            .collect();
        if let Some(jwt) = &grpc.jwt {
            for (key, value) in [("issuer", &jwt.issuer), ("audience", &jwt.audience)] {
                if value.is_none() {
                    warnings.push(format!(
                        "grpc.jwt.{key} is not set: a JWT that the same keys signed for another service is valid here, too"
                    ));
                }
            }
        }
        warnings
    }
}

fn open_to_all(listen: SocketAddr, ways_out: &str) -> String {
    format!("{listen} is open to others, and nobody is asked who they are: {ways_out}")
}

fn apps(names: &[String]) -> Apps {
    Apps::named(names.iter().map(String::as_str))
}

fn token(config: &TokenConfig) -> Result<TokenGrant, ConfigError> {
    let key = |key: &str| format!("grpc.tokens.{}.{key}", config.name);
    let digest = match (&config.token_file, &config.token_sha256) {
        (Some(file), _) => {
            let text = read(&key("token_file"), file)?;
            let token = without_newline(&text);
            let is_visible = token.bytes().all(|byte| byte.is_ascii_graphic());
            if token.len() < TOKEN_BYTES_MIN || !is_visible {
                return wrong(
                    key("token_file"),
                    format!(
                        "a token is at least {TOKEN_BYTES_MIN} letters, digits and signs, without spaces"
                    ),
                );
            }
            TokenDigest::of(token)
        }
        (None, hex) => match hex.as_deref().and_then(TokenDigest::from_hex) {
            Some(digest) => digest,
            None => return wrong(key("token_sha256"), "is not 64 hexadecimal digits"),
        },
    };
    Ok(TokenGrant {
        name: config.name.as_str().into(),
        digest,
        apps: apps(&config.apps),
        is_admin: config.admin,
    })
}

/// A secret as it is meant: editors and `echo` end a file with a newline.
pub(super) fn without_newline(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

fn jwt(config: &JwtConfig) -> Result<Jwt, ConfigError> {
    const KEY: &str = "grpc.jwt.keys_file";
    let rules = JwtRules {
        issuer: config.issuer.clone(),
        audience: config.audience.clone(),
        apps_claim: config.apps_claim.clone(),
    };
    let jwks = read(KEY, &config.keys_file)?;
    Jwt::new(rules, &jwks).or_else(|error| wrong(KEY, error.to_string()))
}

pub(super) fn read(key: &str, file: &Path) -> Result<String, ConfigError> {
    let failed = |reason: String| wrong(key, format!("{}: {reason}", file.display()));
    let length = match fs::metadata(file) {
        Ok(metadata) => metadata.len(),
        Err(error) => return failed(error.to_string()),
    };
    if length > FILE_BYTES_MAX {
        return failed(format!("longer than {FILE_BYTES_MAX} bytes"));
    }
    fs::read_to_string(file).or_else(|error| failed(error.to_string()))
}
