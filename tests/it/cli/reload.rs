//! `headcount reload`, with a server that runs.

use std::{fs, process::Command};

use crate::common::child::{BINARY, Site, metric};

struct Reloaded {
    code: Option<i32>,
    out: String,
    aside: String,
}

async fn reload(admin: String, flags: &'static [&str]) -> Reloaded {
    let command = move || {
        let mut command = Command::new(BINARY);
        command.args(["reload", "--admin", &admin]).args(flags);
        command.env_remove("RUST_LOG").output()
    };
    let output = tokio::task::spawn_blocking(command).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Reloaded {
        code: output.status.code(),
        out: text(output.stdout),
        aside: text(output.stderr),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_reads_its_configuration_again() {
    let site = Site::new("");
    let process = site.start().await;
    let admin = site.admin().to_string();
    let reload = async || reload(admin.clone(), &[]).await;
    let done = reload().await;
    assert_eq!(
        (done.code, &*done.out),
        (Some(0), "reloaded the configuration\n")
    );
    let warning = "warning: apps.demo-tencent.tencent: callbacks are not signed";
    assert!(done.aside.starts_with(warning), "{}", done.aside);

    let text = fs::read_to_string(site.config()).unwrap();
    fs::write(site.config(), text.replace("\"200ms\"", "\"300ms\"")).unwrap();
    let done = reload().await;
    let warning = "\nwarning: grpc.progress_interval changed: restart to use it\n";
    assert!(
        done.code == Some(0) && done.aside.contains(warning),
        "{}",
        done.aside
    );

    fs::write(site.config(), "grpc = 7").unwrap();
    let refused = reload().await;
    assert_eq!((refused.code, &*refused.out), (Some(1), ""));
    assert!(
        refused.aside.starts_with("headcount: "),
        "{}",
        refused.aside
    );
    assert!(
        refused.aside.contains("headcount.toml, line 1"),
        "{}",
        refused.aside
    );
    let failures = "headcount_reloads_total{result=\"failure\"}";
    assert_eq!(metric(&site, failures), "1");
    drop(process);

    let gone = reload().await;
    assert_eq!(gone.code, Some(1));
    assert!(
        gone.aside.contains("is `headcount serve` running?"),
        "{}",
        gone.aside
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_has_to_show_a_credential_where_one_is_known() {
    let site = Site::new("");
    let text = fs::read_to_string(site.config()).unwrap();
    let tokens = "\"200ms\", tokens = [{ name = \"operators\", token_file = \"token\", apps = [\"*\"], admin = true }]";
    fs::write(site.config(), text.replace("\"200ms\"", tokens)).unwrap();
    let file = site.config().with_file_name("token");
    fs::write(&file, "some-token-of-operators").unwrap();
    let _process = site.start().await;
    let admin = format!("http://{}", site.admin());
    let refused = reload(admin.clone(), &[]).await;
    assert_eq!(refused.code, Some(1));
    let expected = format!("headcount: {admin} refuses: credentials are needed");
    assert!(refused.aside.starts_with(&expected), "{}", refused.aside);
    let flags = ["--token-file", file.to_str().unwrap()].map(|flag| &*flag.to_owned().leak());
    let done = reload(admin, Box::leak(Box::new(flags))).await;
    assert_eq!(done.out, "reloaded the configuration\n", "{}", done.aside);
}
