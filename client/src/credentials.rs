//! What a client shows a server to be let in.

use std::{fmt, sync::Arc};

use tonic::{Request, Status, metadata::MetadataMap, service::Interceptor};

type Hook = dyn Fn(&mut MetadataMap) -> Result<(), Status> + Send + Sync;

/// What is added to the metadata of every request, for example a token.
///
/// A hook is called for every call, and again when a watch connects again. So a token that
/// is renewed is used from the next call on.
#[derive(Clone, Default)]
pub struct Credentials {
    hook: Option<Arc<Hook>>,
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
        }
    }
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
    fn a_request_without_its_credentials_is_not_sent() {
        let mut credentials =
            Credentials::from_fn(|_| Err(Status::unavailable("the token is being renewed")));
        let refused = credentials.call(Request::new(())).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unavailable);
    }
}
