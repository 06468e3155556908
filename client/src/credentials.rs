//! What a client shows a server to be let in.

use std::{fmt, sync::Arc};

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataMap, MetadataValue, errors::InvalidMetadataValue},
    service::Interceptor,
};

type Hook = dyn Fn(&mut MetadataMap) -> Result<(), Status> + Send + Sync;

/// What is added to the metadata of every request, for example a token.
///
/// A hook is called for every call, and again when a watch connects again. So a token that
/// is renewed is used from the next call on.
#[derive(Clone, Default)]
pub struct Credentials {
    hook: Option<Arc<Hook>>,
    may_change: bool,
}

impl Credentials {
    /// No credentials: nothing is added to a request.
    pub fn none() -> Self {
        Self::default()
    }

    /// Credentials that `hook` adds to the metadata of each request. A call fails with the
    /// status that `hook` returns, and is not sent. `hook` must not block.
    pub fn from_fn(
        hook: impl Fn(&mut MetadataMap) -> Result<(), Status> + Send + Sync + 'static,
    ) -> Self {
        Self {
            hook: Some(Arc::new(hook)),
            may_change: true,
        }
    }

    /// A bearer token or JWT that stays the same.
    ///
    /// # Errors
    /// When it cannot stand in a header.
    pub fn bearer(token: &str) -> Result<Self, InvalidMetadataValue> {
        let value = bearer(token)?;
        let mut credentials = Self::from_fn(move |metadata| {
            metadata.insert("authorization", value.clone());
            Ok(())
        });
        credentials.may_change = false;
        Ok(credentials)
    }

    /// Bearer tokens or JWTs that expire: `token` is called for each request. A watch that
    /// loses its stream because its token expired asks again, with a new one. If there is no
    /// token now, the error says why: the request is not sent, and a watch tries again later.
    pub fn renewed(token: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self::from_fn(move |metadata| {
            let token = token().map_err(Status::unavailable)?;
            let value = bearer(&token).map_err(|error| Status::unavailable(error.to_string()))?;
            metadata.insert("authorization", value);
            Ok(())
        })
    }

    /// Whether the next request may show others than the last.
    pub(crate) fn may_change(&self) -> bool {
        self.may_change
    }
}

/// The header that shows a token. White space around it is of the file that it is from.
fn bearer(token: &str) -> Result<MetadataValue<Ascii>, InvalidMetadataValue> {
    let mut value: MetadataValue<Ascii> = format!("Bearer {}", token.trim()).parse()?;
    value.set_sensitive(true);
    Ok(value)
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(hook) = &self.hook {
            hook(request.metadata_mut())?;
        }
        Ok(request)
    }
}

/// Never shows a secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.hook {
            Some(_) => "Credentials(..)",
            None => "Credentials(none)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_adds_to_the_metadata_of_each_request() {
        let mut credentials = Credentials::from_fn(|metadata| {
            metadata.insert("x-key", "secret".parse().unwrap());
            Ok(())
        });
        let request = credentials.call(Request::new(())).unwrap();
        assert_eq!(request.metadata().get("x-key").unwrap(), "secret");
        assert_eq!(format!("{credentials:?}"), "Credentials(..)");
        let request = Credentials::none().call(Request::new(())).unwrap();
        assert!(request.metadata().is_empty());
    }

    #[test]
    fn a_bearer_token_is_shown_as_it_is_now() {
        let shown = |credentials: &mut Credentials| {
            let request = credentials.call(Request::new(())).unwrap();
            let header = request.metadata().get("authorization").unwrap();
            assert!(header.is_sensitive());
            header.to_str().unwrap().to_owned()
        };
        let mut fixed = Credentials::bearer("a token\n").unwrap();
        assert_eq!(shown(&mut fixed), "Bearer a token");
        assert!(!fixed.may_change());
        assert!(Credentials::bearer("a\ntoken").is_err());

        let number = std::sync::atomic::AtomicU32::new(1);
        let next = move || {
            Ok(number
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed)
                .to_string())
        };
        let mut renewed = Credentials::renewed(next);
        assert_eq!(shown(&mut renewed), "Bearer 1");
        assert_eq!(shown(&mut renewed), "Bearer 2");
        assert!(renewed.may_change());
    }

    #[test]
    fn a_request_without_its_credentials_is_not_sent() {
        let mut credentials =
            Credentials::from_fn(|_| Err(Status::unavailable("the token is being renewed")));
        let refused = credentials.call(Request::new(())).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unavailable);
    }
}
