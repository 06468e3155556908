//! `headcount reload`: a running server reads its configuration again.

use std::{io::Write, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::Full;
use serde::Deserialize;
use tokio::time::timeout;

use super::{CliError, address::admin_url, text::clean};
use crate::remote::Proof;

/// How long the server may take. It reads some files.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer is read: a line for each setting that needs a restart.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Which server.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    headcount reload --admin 127.0.0.1:9090\n  \
    headcount reload --admin https://calls.example:9090 --token-file operator.token")]
pub struct ReloadArgs {
    /// Where the server's admin front is: `admin.listen` in its configuration.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "HEADCOUNT_ADMIN",
        value_parser = admin_url
    )]
    pub admin: String,
    /// How to be let in: as an operator, if one is known.
    #[command(flatten)]
    pub proof: Proof,
}

/// What is said of a reload: one of the two.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    warnings: Vec<String>,
    error: String,
}

/// Lets the server read its configuration again. Prints on `out` that it did, and warnings on
/// `aside`.
///
/// # Errors
/// When it did not, with the server's reason.
pub async fn reload(
    args: ReloadArgs,
    mut out: impl Write,
    mut aside: impl Write,
) -> Result<(), CliError> {
    let answer = ask(&args).await?;
    for warning in warnings(&args.admin, &answer)? {
        writeln!(aside, "warning: {}", clean(&warning))?;
    }
    writeln!(out, "reloaded the configuration")?;
    out.flush()?;
    Ok(())
}

async fn ask(args: &ReloadArgs) -> Result<Response<Bytes>, CliError> {
    let ReloadArgs { admin, proof } = args;
    let server = |source| CliError::Server {
        server: admin.clone(),
        source,
    };
    let unavailable = |reason: String| CliError::Unavailable {
        server: admin.clone(),
        reason,
    };
    let client = proof.http(admin, ANSWER_BYTES_MAX).map_err(server)?;
    let mut request = Request::post(format!("{}/reload", admin.trim_end_matches('/')));
    if let Some(authorization) = proof.authorization().map_err(server)? {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request.body(Full::default());
    let request = request.map_err(|error| unavailable(error.to_string()))?;
    let answer = timeout(ANSWER_TIMEOUT, client.request(request)).await;
    let silent = |_| Err(format!("no answer within {ANSWER_TIMEOUT:?}"));
    answer.unwrap_or_else(silent).map_err(unavailable)
}

/// The warnings of a reload that succeeded.
fn warnings(admin: &str, answer: &Response<Bytes>) -> Result<Vec<String>, CliError> {
    let status = answer.status();
    let told: Option<Told> = serde_json::from_slice(answer.body()).ok();
    let refusal = match (status, told) {
        (StatusCode::OK, Some(told)) => return Ok(told.warnings),
        (_, Some(told)) if !told.error.is_empty() => told.error,
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
            let reason = String::from_utf8_lossy(answer.body());
            format!("{admin} refuses: {}", reason.trim())
        }
        _ => format!("{admin} is no admin front: it answers {status}"),
    };
    Err(CliError::Reload(clean(&refusal).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &'static str) -> Result<Vec<String>, String> {
        let answer = Response::builder().status(status);
        let answer = answer.body(Bytes::from(body)).unwrap();
        warnings("http://h:1", &answer).map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_is_told_as_what_it_means() {
        assert_eq!(read(200, r#"{"warnings":[]}"#), Ok(vec![]));
        let warned = read(200, r#"{"warnings":["a","b"]}"#);
        assert_eq!(warned, Ok(vec!["a".to_owned(), "b".to_owned()]));
        let cases = [
            (422, "{\"error\":\"line 1\\u001b[2J\"}", "line 1\\u{1b}[2J"),
            (500, r#"{"error":"a panic"}"#, "a panic"),
            (
                401,
                "credentials are needed\n",
                "http://h:1 refuses: credentials are needed",
            ),
            (403, "no operator\n", "http://h:1 refuses: no operator"),
            (
                404,
                r#"{"error":""}"#,
                "http://h:1 is no admin front: it answers 404 Not Found",
            ),
            (
                200,
                "<html>",
                "http://h:1 is no admin front: it answers 200 OK",
            ),
        ];
        for (status, body, expected) in cases {
            assert_eq!(read(status, body).unwrap_err(), expected);
        }
    }
}
