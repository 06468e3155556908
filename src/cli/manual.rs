//! `headcount completions` and `headcount man`: what shells and `man` know of the commands.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Args, CliError};

/// The program, as it is called.
const NAME: &str = "headcount";

/// For which shell.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    headcount completions bash > ~/.local/share/bash-completion/completions/headcount\n  \
    headcount completions zsh > ~/.zfunc/_headcount\n  \
    headcount completions fish > ~/.config/fish/completions/headcount.fish")]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Where to.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    headcount man | man -l -\n  \
    headcount man --dir /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Write a page for each command into this folder, `headcount-serve.1` and so on, instead of
    /// one page of all to stdout.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Prints what lets a shell complete the commands and their flags.
///
/// # Errors
/// When `out` cannot be written to.
pub fn completions(args: &CompletionsArgs, mut out: impl Write) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), NAME, &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(())
}

/// Prints the manual, or writes its pages into a folder.
///
/// # Errors
/// When the folder or `out` cannot be written to.
pub fn man(args: &ManArgs, mut out: impl Write) -> Result<(), CliError> {
    match &args.dir {
        Some(folder) => {
            let named = |error| CliError::Manual {
                folder: folder.clone(),
                source: error,
            };
            clap_mangen::generate_to(Args::command(), folder).map_err(named)?;
        }
        None => out.write_all(&whole()?)?,
    }
    out.flush()?;
    Ok(())
}

/// The manual as one page: that of the program, then a section for each command.
fn whole() -> io::Result<Vec<u8>> {
    let mut program = Args::command().disable_help_subcommand(true);
    program.build();
    let mut page = Vec::new();
    let man = Man::new(program.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    add_commands(&program, &mut page)?;
    man.render_extra_section(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

fn add_commands(of: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    for command in of
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
        let man = Man::new(command.clone());
        let mut sections = Vec::new();
        man.render_description_section(&mut sections)?;
        man.render_synopsis_section(&mut sections)?;
        man.render_options_section(&mut sections)?;
        man.render_extra_section(&mut sections)?;
        // They are parts of this section, and say again how an apostrophe is written.
        let sections = String::from_utf8_lossy(&sections);
        let lines = sections
            .lines()
            .filter(|line| !line.ends_with(".ds Aq \\(aq") && !line.ends_with(".ds Aq '"));
        for line in lines {
            match line.strip_prefix(".SH ") {
                Some(title) => writeln!(page, ".SS {title}")?,
                None => writeln!(page, "{line}")?,
            }
        }
        add_commands(command, page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of all commands, such as `headcount journal export`.
    fn names(of: &clap::Command, names: &mut Vec<String>) {
        for command in of.get_subcommands() {
            names.push(command.get_bin_name().unwrap().to_owned());
            self::names(command, names);
        }
    }

    fn all_names() -> Vec<String> {
        let mut program = Args::command().disable_help_subcommand(true);
        program.build();
        let mut all = Vec::new();
        names(&program, &mut all);
        assert!(all.iter().any(|name| name == "headcount journal export"));
        all
    }

    #[test]
    fn the_manual_has_every_command() {
        let mut page = Vec::new();
        man(&ManArgs { dir: None }, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert_eq!(page.matches("\n.TH ").count(), 1, "one page");
        for name in all_names() {
            let heading = format!("\n.SH \"{}\"\n.SS DESCRIPTION\n", name.to_uppercase());
            assert!(page.contains(&heading), "{name}");
        }
        assert!(page.contains("HEADCOUNT_TOKEN_FILE"), "variables are named");
    }

    #[test]
    fn each_command_gets_a_page_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Some(folder.path().to_owned());
        man(&ManArgs { dir }, io::sink()).unwrap();
        for name in all_names() {
            let page = format!("{}.1", name.replace(' ', "-"));
            assert!(folder.path().join(&page).exists(), "{page}");
        }
        assert!(folder.path().join("headcount.1").exists());
        let none = folder.path().join("none");
        let dir = Some(none.clone());
        let error = man(&ManArgs { dir }, io::sink()).unwrap_err().to_string();
        assert!(error.contains(none.to_str().unwrap()), "{error}");
    }

    #[test]
    fn every_shell_gets_a_script_that_names_the_commands() {
        use clap::ValueEnum as _;
        for &shell in Shell::value_variants() {
            let mut script = Vec::new();
            completions(&CompletionsArgs { shell }, &mut script).unwrap();
            let script = String::from_utf8(script).unwrap();
            for name in ["check-config", "reload", "watch-user"] {
                assert!(script.contains(name), "{shell} {name}");
            }
        }
    }
}
