//! The guest's serial console through the control server's WebSocket.

use serde_json::json;

use super::api::Api;
use super::websocket::Socket;

pub struct Serial(Socket);

impl Serial {
    pub async fn open(api: &Api, server: i64) -> Self {
        let answer = api.post(&format!("/servers/{server}/console"), &json!({"kind": "serial"})).await;
        let path = answer["wss"]["url"].as_str().expect("a socket's address");
        Self(Socket::open(&api.base, path).await.expect("the console opens"))
    }

    /// Logs in as root with a password; the shell's prompt has come when it returns.
    pub async fn login(&mut self, password: &str) {
        self.0.send(b"\n").await;
        self.0.read_until("login:").await;
        self.0.send(b"root\n").await;
        self.0.read_until("assword:").await;
        self.0.send(format!("{password}\n").as_bytes()).await;
        self.0.read_until("#").await;
        // The message of the day may hold that sign too.
        self.run("true").await;
    }

    /// What a command printed.
    pub async fn run(&mut self, command: &str) -> String {
        // The mark is split in what is typed, so that its echo is not taken for its output.
        self.0.send(format!("{command}; echo EN''D\n").as_bytes()).await;
        let seen = self.0.read_until("END").await;
        let (_, output) = seen.rsplit_once("echo EN''D").unwrap_or(("", &seen));
        let (_, output) = output.split_once('\n').unwrap_or(("", output));
        without_sequences(output.trim_end_matches("END")).trim().to_owned()
    }

    pub async fn send(&mut self, text: &str) {
        self.0.send(text.as_bytes()).await;
    }
}

/// Without carriage returns and what shells send to a terminal beside text: `ESC [ ... letter`.
fn without_sequences(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest));
    }
    plain.replace('\r', "")
}
