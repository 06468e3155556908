//! The credentials that are known, and the question whether a caller shows one.

use std::{sync::Arc, time::SystemTime};

use super::{
    certificates::{self, CertificateGrant},
    digest::TokenDigest,
    grant::{Grant, Origin},
    jwt::{Jwt, JwtError},
    tokens::{self, TokenGrant},
};

/// All credentials that are known. If there are none, everybody may ask everything.
#[derive(Clone, Debug, Default)]
pub struct KnownCredentials {
    /// The bearer tokens.
    pub tokens: Vec<TokenGrant>,
    /// What makes a JWT valid.
    pub jwt: Option<Jwt>,
    /// The names of client certificates.
    pub certificates: Vec<CertificateGrant>,
}

/// What a caller shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// A bearer token or JWT. If there is one, the certificate says nothing.
    pub bearer: Option<&'a str>,
    /// The alternative names of the client's certificate, which was verified.
    pub names: Option<&'a Arc<[String]>>,
}

/// Why a caller is not let in. No message has anything of what they showed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// They show nothing.
    #[error("credentials are needed: `authorization: Bearer TOKEN`{}", or_certificate(*.certificates))]
    Missing {
        /// Whether a certificate would do, too.
        certificates: bool,
    },
    /// The token is not known, and is no JWT.
    #[error("the bearer token is not known")]
    UnknownToken,
    /// The JWT is not valid.
    #[error("the JWT is not valid: {0}")]
    Jwt(#[from] JwtError),
    /// No name of the certificate is known.
    #[error("no name of the client certificate is known")]
    UnknownCertificate,
}

impl KnownCredentials {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.jwt.is_none() && self.certificates.is_empty()
    }

    /// Whether one of them allows the calls for operators. No JWT does.
    pub(super) fn has_admin(&self) -> bool {
        self.tokens.iter().any(|token| token.is_admin)
            || self.certificates.iter().any(|known| known.is_admin)
    }

    /// What a caller may ask at a time.
    ///
    /// # Errors
    /// When they show nothing that is known.
    pub fn check(&self, shown: Shown<'_>, now: SystemTime) -> Result<Grant, Denied> {
        if self.is_empty() {
            return Ok(Grant::anybody());
        }
        match shown {
            Shown {
                bearer: Some(bearer),
                ..
            } => {
                if let Some(grant) = self.of_token(TokenDigest::of(bearer)) {
                    return Ok(grant);
                }
                let jwt = self.jwt.as_ref().filter(|_| Jwt::looks_like_one(bearer));
                Ok(jwt.ok_or(Denied::UnknownToken)?.verify(bearer, now)?)
            }
            Shown {
                names: Some(names), ..
            } => self.of_certificate(names).ok_or(Denied::UnknownCertificate),
            _ => Err(Denied::Missing {
                certificates: !self.certificates.is_empty(),
            }),
        }
    }

    /// What the holder of an earlier grant may ask now; `None` if their credential is not known
    /// any more.
    pub(super) fn again(&self, earlier: &Grant) -> Option<Grant> {
        match &earlier.origin {
            Origin::Anybody => self.is_empty().then(Grant::anybody),
            Origin::Token(digest) => self.of_token(*digest),
            Origin::Jwt(key) => {
                let is_known = self.jwt.as_ref().is_some_and(|jwt| jwt.has_key(key));
                is_known.then(|| earlier.clone())
            }
            Origin::Certificate(names) => self.of_certificate(names),
        }
    }

    fn of_token(&self, digest: TokenDigest) -> Option<Grant> {
        let token = tokens::find(&self.tokens, digest)?;
        Some(Grant {
            name: Arc::clone(&token.name),
            apps: token.apps.clone(),
            is_admin: token.is_admin,
            expires: None,
            origin: Origin::Token(digest),
        })
    }

    fn of_certificate(&self, names: &Arc<[String]>) -> Option<Grant> {
        let known = certificates::find(&self.certificates, names)?;
        Some(Grant {
            name: Arc::clone(&known.san),
            apps: known.apps.clone(),
            is_admin: known.is_admin,
            expires: None,
            origin: Origin::Certificate(Arc::clone(names)),
        })
    }
}

fn or_certificate(certificates: bool) -> &'static str {
    match certificates {
        true => ", or a client certificate",
        false => "",
    }
}
