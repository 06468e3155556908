//! The arguments of the commands that ask a server.

use headcount_client::Client;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{CliError, address, reason};
use crate::remote::Proof;

/// Which server and app to ask.
#[derive(Clone, Debug, clap::Args)]
pub struct ClientArgs {
    /// The app to ask about, by its name in the server's configuration. Needed where there
    /// is more than one.
    #[arg(
        long,
        env = "HEADCOUNT_APP",
        default_value = "",
        hide_default_value = true
    )]
    pub app: String,
    /// Where the server's gRPC service is.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "HEADCOUNT_SERVER",
        value_parser = address::server_url,
        default_value = "http://127.0.0.1:50051"
    )]
    pub server: String,
    /// How to be let in.
    #[command(flatten)]
    pub proof: Proof,
    /// Print JSON: one object on each line, the messages of the gRPC contract
    /// under the names of their fields.
    #[arg(long)]
    pub json: bool,
}

impl ClientArgs {
    /// A client of the server.
    ///
    /// # Errors
    /// When its URL is not valid.
    pub fn connect(&self) -> Result<Client, CliError> {
        let server = |source| CliError::Server {
            server: self.server.clone(),
            source,
        };
        self.proof.connect(&self.server).map_err(server)
    }

    /// Why a call to the server failed.
    pub(super) fn failure(&self, status: tonic::Status) -> CliError {
        if is_not_grpc(&status) {
            CliError::NotGrpc {
                server: self.server.clone(),
            }
        } else if self.app.is_empty() && is_about_app(&status) {
            CliError::WhichApp(Box::new(status))
        } else if headcount_client::is_connection_error(&status)
            || status.code() == Code::Unavailable
            || absent_behind_proxy(&status).is_some()
        {
            CliError::Unavailable {
                server: self.server.clone(),
                reason: reason(&status),
            }
        } else {
            CliError::Refused(Box::new(status))
        }
    }
}

/// What a status says if the answer was one of HTTP and not of gRPC. The texts are those of tonic,
/// and tests ask such servers.
const NOT_GRPC: [&str; 2] = ["invalid compression flag", "mapped from HTTP status code"];

/// Whether the answer was no answer of gRPC, but for instance the 404 of the webhook's port. No
/// code tells.
pub(super) fn is_not_grpc(status: &tonic::Status) -> bool {
    let message = status.message();
    NOT_GRPC.iter().any(|sign| message.contains(sign)) && absent_behind_proxy(status).is_none()
}

/// The code of HTTP with which a proxy answered, if that says that its server is away: this may
/// pass.
pub(super) fn absent_behind_proxy(status: &tonic::Status) -> Option<&'static str> {
    const ANSWERS: [&str; 3] = ["502", "503", "504"];
    let message = status.message();
    let is_of_http = NOT_GRPC.iter().any(|sign| message.contains(sign));
    let named = |code: &&&str| {
        let places = ["status: ", "status code "].map(|place| format!("{place}{code}"));
        places.iter().any(|place| message.contains(place))
    };
    ANSWERS.iter().find(named).copied().filter(|_| is_of_http)
}

/// Whether the server refused because it was told no app.
fn is_about_app(status: &tonic::Status) -> bool {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|it| &it.field_violations);
    violations.is_some_and(|it| it.iter().any(|violation| violation.field == "app"))
}
