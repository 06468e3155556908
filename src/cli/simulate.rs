//! `headcount simulate`: sends a made-up world's callbacks to a server, and
//! checks what it serves against what is true.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use super::{
    NOT_HTTP_HINT, START_HINT,
    address::{below_secret, server_url, webhook_url},
};
use crate::domain::Secrets;
use crate::remote::Proof;
use crate::simulate::{CannotRun, Cause, Options, Trouble, VendorName, Verdict, run};

/// How many differences are printed one by one.
const DIFFERENCES_SHOWN: usize = 50;

/// How much of one difference is printed, in characters.
const DIFFERENCE_CHARS_MAX: usize = 1_000;

/// Exit codes: 0 is for a run without a difference.
const DIFFERENT: u8 = 1;
const CANNOT_RUN: u8 = 2;

/// What world to make, and where to send its callbacks.
#[derive(Clone, Debug, clap::Args)]
pub struct SimulateArgs {
    /// What the world is made from: the same seed makes the same world. Random
    /// if not given.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many of the callbacks are lost, from 0 to 1.
    #[arg(long, value_name = "FRACTION", default_value_t = 0.0)]
    pub loss: f64,
    /// The vendor whose callbacks are sent. A mix of all if not given.
    #[arg(long, value_enum)]
    pub vendor: Option<VendorName>,
    /// How many rooms there are, and how many users ZIM has.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub rooms: usize,
    /// How many regulars each room has.
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub users: usize,
    /// How many callbacks there are, about. Repetitions come on top.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub callbacks: usize,
    /// Callbacks a second, sent as they happen, so that the run can be watched. All are sent
    /// at once if not given.
    #[arg(long, value_name = "PER_SECOND")]
    pub rate: Option<f64>,
    /// How long sending may take. With `--rate`, fewer callbacks are sent, so
    /// that it does.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// How many callbacks are under way at once.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub concurrency: usize,
    /// Rooms are called `sim-TAG-0`, `sim-TAG-1` and so on, users
    /// `sim-TAG-user-0`. Random if not given. If the server knows some of them already, the
    /// tag is TAG.2, or the next that it does not know.
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Where the server takes callbacks in.
    #[arg(
        long,
        value_name = "ADDRESS",
        value_parser = webhook_url,
        default_value = "http://127.0.0.1:8080"
    )]
    pub webhook: String,
    /// A file with the secret that the path of callbacks has to begin with, which a list of
    /// processes would show.
    #[arg(long, value_name = "FILE")]
    pub path_secret_file: Option<PathBuf>,
    /// Where the server's gRPC service is.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "HEADCOUNT_SERVER",
        value_parser = server_url,
        default_value = "http://127.0.0.1:50051"
    )]
    pub server: String,
    /// How to be let in.
    #[command(flatten)]
    pub proof: Proof,
    /// The app of ZEGO and ZIM, by its name in the server's configuration. Several
    /// devices of a user may be online.
    #[arg(long, default_value = "demo")]
    pub app: String,
    /// The app's ZEGO app id.
    #[arg(long, value_name = "ID", default_value_t = 1)]
    pub app_id: u64,
    /// The app's ZEGO callback secret.
    #[arg(long, default_value = "secret")]
    pub secret: String,
    /// A file with the app's ZEGO callback secret, which a list of processes would show.
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    pub secret_file: Option<PathBuf>,
    /// Tencent's app, by its name in the server's configuration. It must have no
    /// token.
    #[arg(long, value_name = "APP", default_value = "demo-tencent")]
    pub tencent_app: String,
    /// That app's SDKAppID.
    #[arg(long, value_name = "ID", default_value_t = 1_400_000_000)]
    pub sdk_app_id: u64,
}

/// Runs it, prints the differences to stderr and the verdict to `out`. Returns
/// the exit code: 0 without a difference, 1 with any, 2 if it could not run.
pub async fn simulate(args: SimulateArgs, mut out: impl Write) -> ExitCode {
    let verdict = match args.options() {
        Ok(options) => run(&options).await,
        Err(error) => Err(error),
    };
    match verdict {
        Ok(verdict) => {
            let shown = tell(&verdict, &mut io::stderr(), &mut out);
            // The verdict is the exit code too: a closed pipe does not change it.
            drop(shown);
            exit_code(&verdict)
        }
        Err(error) => {
            eprintln!("headcount: cannot simulate: {error}{}", hint(&error));
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn exit_code(verdict: &Verdict) -> ExitCode {
    match verdict.differences.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(DIFFERENT),
    }
}

/// Prints the differences, those without an explanation first, and the verdict.
fn tell(verdict: &Verdict, aside: &mut impl Write, out: &mut impl Write) -> io::Result<()> {
    let mut differences: Vec<_> = verdict.differences.iter().collect();
    differences.sort_by_key(|difference| difference.cause != Cause::Unexplained);
    for difference in differences.iter().take(DIFFERENCES_SHOWN) {
        let text: String = difference.to_string();
        let text: String = text.chars().take(DIFFERENCE_CHARS_MAX).collect();
        writeln!(aside, "{text}")?;
    }
    let more = differences.len().saturating_sub(DIFFERENCES_SHOWN);
    if more > 0 {
        writeln!(aside, "and {more} more")?;
    }
    writeln!(out, "{verdict}")?;
    out.flush()
}

/// What to check when it could not run.
pub(super) fn hint(error: &CannotRun) -> String {
    let hint = match error {
        CannotRun::Server { trouble, .. } | CannotRun::Webhook { trouble, .. } => match trouble {
            Trouble::Connection => START_HINT,
            Trouble::NotHttp => NOT_HTTP_HINT,
            Trouble::UnknownAuthority => {
                "if its authority is a private one, name that one's certificate with --ca"
            }
            Trouble::OtherHost => "name the server as its certificate does",
            Trouble::NotTls => "the server does not speak TLS there: is it http://?",
            Trouble::Credentials => "check --app-id and --secret, or --sdk-app-id",
            Trouble::Other => return String::new(),
        },
        CannotRun::TooSlow { .. } => "give it more time with --duration, or fewer --callbacks",
        CannotRun::OtherJournal { .. } => {
            "a journal in memory, and that of `serve --dev` without --data, ends with the process"
        }
        CannotRun::Option(_) => return String::new(),
    };
    format!(" ({hint})")
}

impl SimulateArgs {
    /// The options of the run.
    fn options(self) -> Result<Options, CannotRun> {
        let args = self;
        let any = Options::default();
        let secret = match &args.secret_file {
            None => args.secret,
            Some(file) => read_secret("--secret-file", file)?,
        };
        let path_secret = args.path_secret_file.as_deref();
        let path_secret = path_secret.map(|file| read_secret("--path-secret-file", file));
        let path_secret = path_secret
            .transpose()?
            .map(|secret| Secrets::from(&*secret));
        Ok(Options {
            seed: args.seed.unwrap_or(any.seed),
            tag: args.tag.unwrap_or(any.tag),
            loss: args.loss,
            vendor: args.vendor,
            rooms: args.rooms,
            users: args.users,
            callbacks: args.callbacks,
            rate: args.rate,
            duration: args.duration,
            concurrency: args.concurrency,
            webhook: below_secret(args.webhook, path_secret.as_ref()),
            proof: args.proof,
            server: args.server,
            app: args.app,
            app_id: args.app_id,
            secret,
            tencent_app: args.tencent_app,
            sdk_app_id: args.sdk_app_id,
            forgetting: None,
            progress: true,
        })
    }
}

fn read_secret(flag: &str, file: &Path) -> Result<String, CannotRun> {
    let text = fs::read_to_string(file)
        .map_err(|error| CannotRun::Option(format!("{flag} {}: {error}", file.display())))?;
    // Editors and `echo` end a file with a newline.
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Args {
        #[command(flatten)]
        simulate: SimulateArgs,
    }

    #[test]
    fn without_flags_it_is_for_a_dev_server() {
        let args = Args::parse_from(["simulate"]).simulate;
        let (given, any) = (args.options().unwrap(), Options::default());
        assert_eq!(given.duration, any.duration);
        assert_eq!(
            (given.rooms, given.users, given.callbacks, given.concurrency),
            (any.rooms, any.users, any.callbacks, any.concurrency)
        );
        assert_eq!(
            (
                given.webhook,
                given.server,
                given.app,
                given.app_id,
                given.secret
            ),
            (any.webhook, any.server, any.app, any.app_id, any.secret)
        );
        assert_eq!(given.vendor, any.vendor);
        assert_eq!(
            (given.tencent_app, given.sdk_app_id),
            (any.tencent_app, any.sdk_app_id)
        );
    }

    #[test]
    fn a_secret_may_be_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        fs::write(&file, "s3cret\n").unwrap();
        let parse = |file: &std::path::Path| {
            let file = file.to_str().unwrap();
            let args = Args::parse_from(["simulate", "--secret-file", file]);
            args.simulate.options()
        };
        assert_eq!(parse(&file).unwrap().secret, "s3cret");
        let path_secret = file.to_str().unwrap();
        let args = Args::parse_from(["simulate", "--path-secret-file", path_secret]);
        let webhook = args.simulate.options().unwrap().webhook;
        assert_eq!(webhook, "http://127.0.0.1:8080/s3cret");
        let error = parse(&dir.path().join("none")).unwrap_err().to_string();
        assert!(error.starts_with("--secret-file /"), "{error}");
    }

    #[test]
    fn hints_fit_the_trouble() {
        let webhook = |trouble| CannotRun::Webhook {
            webhook: String::new(),
            reason: String::new(),
            trouble,
        };
        for (trouble, expected) in [
            (Trouble::Connection, " (is `headcount serve` running?)"),
            (
                Trouble::Credentials,
                " (check --app-id and --secret, or --sdk-app-id)",
            ),
            (
                Trouble::NotHttp,
                " (is that the port of gRPC? callbacks have a port of their own, by default 8080; one that speaks TLS needs https://)",
            ),
            (
                Trouble::OtherHost,
                " (name the server as its certificate does)",
            ),
            (Trouble::Other, ""),
        ] {
            assert_eq!(hint(&webhook(trouble)), expected);
        }
    }

    #[test]
    fn the_verdict_is_the_last_line_and_the_rest_is_aside() {
        let difference = crate::simulate::Difference {
            about: "sim-1-0".to_owned(),
            witnesses: [crate::simulate::Witness::Roster].into(),
            what: "\"u\" is not in it".to_owned(),
            cause: Cause::LossFlagged,
        };
        let verdict = Verdict {
            seed: 7,
            tag: "1".to_owned(),
            callbacks: 10,
            duplicates: 2,
            lost: 1,
            rooms: 1,
            users: 0,
            watched: 1,
            differences: vec![difference; DIFFERENCES_SHOWN + 3],
        };
        let (mut aside, mut out) = (Vec::new(), Vec::new());
        tell(&verdict, &mut aside, &mut out).unwrap();
        let aside = String::from_utf8(aside).unwrap();
        assert_eq!(aside.lines().count(), DIFFERENCES_SHOWN + 1);
        assert!(aside.starts_with("sim-1-0: \"u\" is not in it (roster, loss, flagged)\n"));
        assert!(aside.ends_with("and 3 more\n"));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "simulate: seed 7, 10 callbacks (2 duplicates, 1 lost), 1 room, 1 watched: \
             53 differences: 53 in rooms flagged by missing_callbacks, \
             0 by loss after the last callback, 0 by loss of callbacks without a number, \
             0 by loss that makes another life current, 0 unexplained\n"
        );
        assert_eq!(exit_code(&verdict), ExitCode::from(DIFFERENT));
    }
}
