//! What is known of a request by its head.

use super::{
    path::below,
    routes::{Route, Routes},
};
use crate::{
    domain::Secrets,
    net::{RequestId, Sender},
};

/// The most characters of a path that are shown.
const PATH_MAX: usize = 128;

/// What is shown of a path that may have the secret in it.
const NOT_SHOWN: &str = "(not shown)";

/// What is known of a request by its head.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) sender: Sender,
    /// The product whose callbacks the path takes, if there is one.
    pub(super) route: Option<&'a Route>,
    /// The path, for logs: nothing of the secret.
    pub(super) path: &'a str,
    pub(super) request_id: &'a RequestId,
}

impl Asked<'_> {
    pub(super) fn product(&self) -> Option<&'static str> {
        self.route.map(|route| route.product.name.as_str())
    }
}

/// Where a path leads, and what is shown of it.
///
/// Where there is a secret, only the paths of products are shown: anything else may have the
/// secret in it, or what is almost the secret.
pub(super) fn route<'a>(
    path: &'a str,
    routes: &'a Routes,
    secrets: Option<&Secrets>,
) -> (Option<&'a Route>, &'a str) {
    let Some(secrets) = secrets else {
        let shown = match path.char_indices().nth(PATH_MAX) {
            Some((end, _)) => &path[..end],
            None => path,
        };
        return (routes.at(path), shown);
    };
    let route = below(path, secrets).and_then(|path| routes.at(path));
    let known = route.or_else(|| routes.at(path));
    (route, known.map_or(NOT_SHOWN, |route| route.product.path))
}
