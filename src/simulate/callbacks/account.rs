//! The apps that callbacks are sent for, and how each callback is signed.

/// The ids and the secret of the apps that callbacks are sent for.
#[derive(Clone, Debug)]
pub(crate) struct VendorAccount {
    pub(crate) app_id: u64,
    pub(crate) secret: String,
    /// What Tencent calls the app of its rooms.
    pub(crate) sdk_app_id: u64,
    /// What Tencent signs callbacks with, if it does.
    pub(crate) sdk_token: Option<String>,
}

/// What a callback is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signing {
    /// Seconds since the Unix epoch.
    pub(crate) timestamp: u64,
    pub(crate) nonce: u64,
}
