//! `headcount journal export`: the entries themselves.

use std::{io::Write, ops::ControlFlow, path::PathBuf, process::ExitCode};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{JournalError, open, rfc3339, store, write_json};
use crate::{
    cli::CliError,
    journal::{Entry, Losses, Payload, Revision},
};

pub(super) const HELP: &str = "\
Each line is an object: revision (a number), received_at (RFC 3339), kind (`callback`
or `tick`), and of a callback app, product, query, and body, or body_base64 where the
body is not UTF-8.

Queries and bodies are what vendors sent: they hold users' ids and names, and
signatures, with which an attacker could send callbacks in the vendor's name until they
expire. Protect the output as you protect the folder.

Of a damaged segment, all entries are printed whose blocks are whole. What is missing
is told on stderr. Exit codes: 0 when nothing is missing, 1 when anything is.";

/// Which entries to print.
#[derive(Clone, Debug, clap::Args)]
pub struct ExportArgs {
    /// The data folder: `data` without it.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// The first revision; the first that is kept without it.
    #[arg(long, value_name = "REV", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<Revision>,
    /// The last revision; the last that there is without it.
    #[arg(long, value_name = "REV")]
    pub to: Option<Revision>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    revision: Revision,
    received_at: String,
    kind: &'static str,
    #[serde(flatten)]
    callback: Option<CallbackLine<'a>>,
}

#[derive(Debug, Serialize)]
struct CallbackLine<'a> {
    app: &'a str,
    product: &'static str,
    query: &'a str,
    #[serde(flatten)]
    body: Body<'a>,
}

/// The names of the variants are those of the fields.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Body<'a> {
    Body(&'a str),
    BodyBase64(String),
}

/// Prints entries, holding a group commit's worth of them at a time.
pub(super) fn export(args: &ExportArgs, mut out: impl Write) -> Result<ExitCode, CliError> {
    let archive = open(args.folder.clone(), None)?;
    let from = args.from.unwrap_or_else(|| archive.first());
    let to = args.to.unwrap_or(Revision::MAX);
    let mut written = Ok(());
    let mut write = |revision, entry: Entry| {
        if revision > to {
            return ControlFlow::Break(());
        }
        written = write_json(&mut out, &line(revision, &entry));
        match (&written, revision == to) {
            (Ok(()), false) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    };
    let mut losses = Losses::default();
    let read = match from <= to {
        true => archive
            .salvage(from - 1, &mut losses, &mut write)
            .map(|_| ()),
        false => Ok(()),
    };
    written?;
    // The entries that can be read are printed all the same, because they are of use.
    out.flush()?;
    read.map_err(store(&archive))?;
    match losses.is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(JournalError::Lost {
            folder: archive.folder().path().to_owned(),
            losses,
        }
        .into()),
    }
}

fn line(revision: Revision, entry: &Entry) -> Line<'_> {
    let (kind, callback) = match &entry.payload {
        Payload::Callback(callback) => {
            let body = match std::str::from_utf8(&callback.body) {
                Ok(text) => Body::Body(text),
                Err(_) => Body::BodyBase64(STANDARD.encode(&callback.body)),
            };
            let callback = CallbackLine {
                app: callback.app.as_str(),
                product: callback.product.as_str(),
                query: &callback.query,
                body,
            };
            ("callback", Some(callback))
        }
        Payload::Tick => ("tick", None),
    };
    Line {
        revision,
        received_at: rfc3339(entry.received_at),
        kind,
        callback,
    }
}
