//! How one gets into a guest by the command line: at its serial line, and by the system's ssh.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdout;

use super::Control;
use super::servers::{TEMPLATE, created};

const LIMIT: Duration = Duration::from_secs(60);

/// A server that runs; its id.
async fn running(control: &Control) -> String {
    let id = created(control).await;
    let build = ["server", "build", &id, "--template", TEMPLATE, "--name", "web", "--hostname", "web.example.test"];
    control.table(&[&build[..], &["--ipv6", "--wait"]].concat()).await;
    id
}

/// Reads on until the guest has said something.
async fn says(screen: &mut ChildStdout, wanted: &str) {
    let mut said: Vec<u8> = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&said).contains(wanted) {
            let count = screen.read_buf(&mut said).await.unwrap();
            assert!(count > 0, "it ended before it said {wanted:?}: {:?}", String::from_utf8_lossy(&said));
        }
    };
    assert!(tokio::time::timeout(LIMIT, read).await.is_ok(), "it did not say {wanted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_serial_line_takes_what_is_typed_until_it_is_left() {
    let control = Control::start_with_a_node().await;
    let id = running(&control).await;
    for leave in [Some(b"\x1d"), None] {
        let mut berth = control.command(&["server", "console", &id], &control.token);
        let mut console = berth.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (mut keys, mut screen) = (console.stdin.take().unwrap(), console.stdout.take().unwrap());
        says(&mut screen, "simulated login: ").await;
        keys.write_all(b"hello\r").await.unwrap();
        says(&mut screen, "You typed: hello\r\n").await;
        match leave {
            Some(key) => keys.write_all(key).await.unwrap(),
            // What is typed is over.
            None => drop(keys),
        }
        let ended = tokio::time::timeout(LIMIT, console.wait()).await.expect("it is left");
        assert!(ended.unwrap().success());
    }
    control.table(&["server", "power", "poweroff", &id, "--wait"]).await;
    let off = control.berth(&["server", "console", &id]).await;
    assert!(off.code == 1 && !off.stderr.contains("Connected"), "{}", off.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_is_given_the_servers_address_and_what_stands_behind_it() {
    let control = Control::start_with_a_node().await;
    let id = running(&control).await;
    let server = control.json(&["server", "show", &id]).await;
    let interface = &server["network"]["interfaces"][0];
    let address = |of: &serde_json::Value| of.as_str().expect("an address").to_owned();
    let ipv4 = address(&interface["ipv4"][0]["address"]);
    let ipv6 = address(&interface["ipv6"][0]["addresses"][0]);

    // In ssh's place a program that prints what it was given, a word a line.
    let bin = control.dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::write(bin.join("ssh"), "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").unwrap();
    std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    for (args, given) in [
        (&[] as &[&str], vec!["-l", "root", "--", &ipv4]),
        (&["-6"], vec!["-l", "root", "--", &ipv6]),
        (
            &["--user", "debian", "--", "-i", "key", "-v", "uptime", "-p"],
            vec!["-l", "debian", "-i", "key", "-v", "--", &ipv4, "uptime", "-p"],
        ),
    ] {
        let args = [&["server", "ssh", &id][..], args].concat();
        let output = control.command(&args, &control.token).env("PATH", &bin).output().await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.lines().collect::<Vec<_>>(), given, "{args:?}");
    }
}
