//! What the program prints for shells and for `man`.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::common::child::BINARY;

fn printed(args: &[&str]) -> Vec<u8> {
    let output = Command::new(BINARY).args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    output.stdout
}

/// Gives a program something to read, and returns what it says; `None` if there is no such program.
fn read_by(program: &str, args: &[&str], text: &[u8]) -> Option<String> {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("SKIPPED: there is no {program}");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_owned();
    let written = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().unwrap();
    written.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{program}: {said}"
    );
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn bash_can_read_its_completions() {
    let script = printed(&["completions", "bash"]);
    read_by("bash", &["-n"], &script);
    // As it completes: the commands that begin so.
    let ask =
        "\nCOMP_WORDS=(headcount watch); COMP_CWORD=1; COMP_LINE='headcount watch'; COMP_POINT=15
        _headcount headcount watch headcount; echo \"${COMPREPLY[@]}\"";
    let script = [&script, ask.as_bytes()].concat();
    if let Some(completed) = read_by("bash", &[], &script) {
        assert_eq!(completed, "watch watch-user\n");
    }
}

#[test]
fn troff_can_read_the_manual() {
    let page = printed(&["man"]);
    let args = ["-man", "-ww", "-Kutf8", "-Tutf8"];
    if let Some(text) = read_by("groff", &args, &page) {
        // Bold letters are printed twice, with a backspace between.
        let letters: Vec<_> = text.chars().collect();
        let plain = letters
            .windows(2)
            .filter(|pair| pair[0] != '\u{8}' && pair[1] != '\u{8}');
        let plain: String = plain.map(|pair| pair[0]).collect();
        assert!(plain.contains("HEADCOUNT JOURNAL EXPORT"), "{plain}");
    }
}

#[test]
fn a_shell_that_is_not_known_is_a_usage_error() {
    let output = Command::new(BINARY).args(["completions", "tcsh"]).output();
    assert_eq!(output.unwrap().status.code(), Some(2));
}
