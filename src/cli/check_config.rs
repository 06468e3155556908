//! `headcount check-config`: what a configuration comes to, and what is wrong with it.

use std::{ffi::OsString, io::Write, path::PathBuf};

use super::{CliError, ServeArgs};
use crate::{
    config::{Config, overriding},
    server,
};

/// Which configuration.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckConfigArgs {
    /// The configuration file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Reads a configuration and everything that it names, as a start does. Opens no port and no
/// folder of a journal. Prints what it comes to on `out`, and warnings on `aside`.
///
/// # Errors
/// When a start would fail for it.
pub fn check_config(
    args: CheckConfigArgs,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    mut out: impl Write,
    mut aside: impl Write,
) -> Result<(), CliError> {
    let env: Vec<_> = env.into_iter().collect();
    let names: Vec<_> = env.iter().map(|(name, _)| name.clone()).collect();
    let file = args.file.display().to_string();
    let serve = ServeArgs {
        config: Some(args.file),
        ..ServeArgs::default()
    };
    let (config, mut warnings) = serve.configure(env)?;
    let checked = server::check(&config).map_err(|error| CliError::Serve(error.into()))?;
    warnings.extend(checked);
    for warning in warnings {
        writeln!(aside, "warning: {warning}")?;
    }
    print(&config, &file, &names, &mut out)?;
    out.flush()?;
    Ok(())
}

fn print(
    config: &Config,
    file: &str,
    variables: &[OsString],
    out: &mut impl Write,
) -> Result<(), CliError> {
    writeln!(
        out,
        "# What {file} comes to, with all defaults, and without secrets."
    )?;
    for (variable, key) in overriding(variables) {
        writeln!(out, "# {variable} sets {key}.")?;
    }
    let effective = config.effective()?;
    if !effective.unset.is_empty() {
        writeln!(out, "# Not set: {}.", effective.unset.join(", "))?;
    }
    write!(out, "\n{}", effective.toml)?;
    Ok(())
}
