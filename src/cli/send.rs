//! `headcount send`: one callback, signed by a configuration, and what came back.

mod explain;

use std::{
    ffi::OsString,
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use super::{
    CliError, ServeArgs,
    address::{below_secret, webhook_url},
    simulate,
};
use crate::{
    config::{AppConfig, Config},
    providers::{Account, Signing},
    simulate::{SingleAccount, SingleCallback, SingleEvent, send_single, shown_url},
};

use self::explain::explain;

/// Which callback to send, and where.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    headcount send --dev login lobby ann\n  \
    headcount send --config headcount.toml --app arena --webhook 10.0.0.7:80 logout lobby ann\n  \
    headcount send --dev --webhook https://calls.example --ca company.pem login lobby ann\n\n\
    Exit codes: 0 when the callback was accepted, 1 when not.")]
pub struct SendArgs {
    /// What the callback reports.
    #[arg(value_enum)]
    pub event: SendEvent,
    /// The room's id, then the user's. Of `online` and `offline`, the user's.
    #[arg(value_name = "ID", num_args = 1..=2, required = true)]
    pub ids: Vec<String>,
    /// The configuration file of the server, for its apps and their secrets.
    #[arg(long, value_name = "FILE", required_unless_present = "dev")]
    pub config: Option<PathBuf>,
    /// The configuration of `serve --dev`.
    #[arg(long, conflicts_with = "config")]
    pub dev: bool,
    /// The app, by its name in the configuration. Needed where there is more than one.
    #[arg(
        long,
        env = "HEADCOUNT_APP",
        default_value = "",
        hide_default_value = true
    )]
    pub app: String,
    /// Where to send it: that of the configuration, if not given.
    #[arg(long, value_name = "ADDRESS", value_parser = webhook_url)]
    pub webhook: Option<String>,
    /// A PEM file of authorities to trust, beside those of the system. For https.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The user's login session, where the vendor has sessions.
    #[arg(long, value_name = "ID", default_value = "1")]
    pub session: String,
    /// Which of the room's lives it is about, where the vendor numbers them.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub life: u64,
}

/// What a callback reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SendEvent {
    /// A user logged in to a room.
    Login,
    /// A user logged out of a room.
    Logout,
    /// A room opened.
    Open,
    /// A room closed.
    Close,
    /// A user came online in the chat.
    Online,
    /// A user went offline in the chat.
    Offline,
}

/// Sends it, and prints on `out` what came back. Returns the exit code: 0 if the callback was
/// accepted.
///
/// # Errors
/// When the configuration or the arguments cannot be used, or no answer comes.
pub async fn send(
    args: SendArgs,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    mut out: impl Write,
) -> Result<ExitCode, CliError> {
    let config = read_config(&args, env)?;
    let app = pick(&config.apps, &args.app)?;
    let webhook = args.webhook.clone();
    let webhook = webhook.unwrap_or_else(|| url_of(config.webhook.listen));
    let webhook = below_secret(webhook, config.protection()?.path_secrets.as_ref());
    let callback = SingleCallback {
        account: account(&app.account)?,
        event: event(args.event, &args.ids)?,
        life: args.life,
        session_id: args.session,
    };
    let answer = send_single(&webhook, args.ca.as_deref(), &callback).await;
    let answer = answer.map_err(|error| {
        let hint = simulate::hint(&error);
        CliError::Send(format!("{error}{hint}"))
    })?;
    let explained = explain(&answer);
    let signed = match &app.account.signing {
        Signing::Secrets(_) => "signed",
        Signing::Unsigned => "not signed",
    };
    let (webhook, name, path) = (shown_url(&webhook), &app.name, answer.path);
    writeln!(out, "POST {webhook}{path}, of the app {name}, {signed}")?;
    for line in &explained.lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(match explained.is_accepted {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn read_config(
    args: &SendArgs,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, CliError> {
    let serve = ServeArgs {
        config: args.config.clone(),
        dev: args.dev,
        ..ServeArgs::default()
    };
    let (config, warnings) = serve.configure(env)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

/// The app of that name, or the only one.
fn pick<'a>(apps: &'a [AppConfig], name: &str) -> Result<&'a AppConfig, CliError> {
    if let (true, [only]) = (name.is_empty(), apps) {
        return Ok(only);
    }
    let found = apps.iter().find(|app| app.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = apps.iter().map(|app| &*app.name).collect();
        let names = names.join(", ");
        CliError::Send(match name {
            "" => format!("more than one app is configured: name one of {names} with --app"),
            _ => format!("no app is called {name:?}: there is {names}"),
        })
    })
}

/// The account as the vendor knows it.
fn account(account: &Account) -> Result<SingleAccount, CliError> {
    let unknown = |_| CliError::Send(format!("the id {} is not a number", account.id));
    let id = account.id.parse().map_err(unknown)?;
    let secret = match &account.signing {
        Signing::Secrets(secrets) => secrets.iter().next().map(|it| it.expose().to_owned()),
        Signing::Unsigned => None,
    };
    match account.vendor {
        "zego" => Ok(SingleAccount::Zego {
            app_id: id,
            secret: secret.unwrap_or_default(),
        }),
        "tencent" => Ok(SingleAccount::Tencent {
            sdk_app_id: id,
            token: secret,
        }),
        other => Err(CliError::Send(format!(
            "the callbacks of {other} are not known to this command"
        ))),
    }
}

fn event(event: SendEvent, ids: &[String]) -> Result<SingleEvent, CliError> {
    let (room_id, user_id) = match (event, ids) {
        (SendEvent::Login | SendEvent::Logout, [room_id, user_id]) => (room_id, user_id),
        (SendEvent::Login | SendEvent::Logout, _) => return Err(usage("ROOM USER")),
        (_, [id]) => (id, id),
        (SendEvent::Online | SendEvent::Offline, _) => return Err(usage("USER")),
        (_, _) => return Err(usage("ROOM")),
    };
    let (room_id, user_id) = (room_id.clone(), user_id.clone());
    Ok(match event {
        SendEvent::Login => SingleEvent::Login { room_id, user_id },
        SendEvent::Logout => SingleEvent::Logout { room_id, user_id },
        SendEvent::Open => SingleEvent::Open { room_id },
        SendEvent::Close => SingleEvent::Close { room_id },
        SendEvent::Online => SingleEvent::Online { user_id },
        SendEvent::Offline => SingleEvent::Offline { user_id },
    })
}

fn usage(ids: &str) -> CliError {
    CliError::Send(format!("this event needs {ids}"))
}

/// The URL of a server that listens there. One that listens everywhere is on this machine, too.
fn url_of(mut listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{listen}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_on_this_machine() {
        let url = |listen: &str| url_of(listen.parse().unwrap());
        assert_eq!(url("0.0.0.0:8080"), "http://127.0.0.1:8080");
        assert_eq!(url("[::]:8080"), "http://[::1]:8080");
        assert_eq!(url("10.0.0.7:80"), "http://10.0.0.7:80");
    }
}
