//! `berth server console`: the guest's serial line on this terminal, for when its network is of no help.

use std::io::{IsTerminal, Read, Write};

use anyhow::Context as _;
use clap::Args;
use futures::{SinkExt, StreamExt};
use rustix::termios::{self, OptionalActions, Termios};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::client::Client;
use crate::websocket;

/// Ctrl-], as telnet and virsh have it.
const DETACH: u8 = 0x1d;
const READ_BYTES: usize = 4096;
const KEYS_WAITING: usize = 16;

#[derive(Debug, Args)]
pub struct ConsoleArgs {
    /// Id, UUID or name
    server: String,
}

pub async fn console(client: &Client, args: &ConsoleArgs) -> anyhow::Result<()> {
    let id = super::find(client, &args.server).await?;
    let answer = client.post(&format!("/servers/{id}/console"), &json!({"kind": "serial"})).await?;
    let path = answer["data"]["wss"]["url"].as_str().context("the server named no console")?;
    let mut socket = websocket::open(client, path).await?;
    eprintln!("Connected; press Enter for a prompt. Ctrl-] ends it.\r");
    let _raw = RawTerminal::enter()?;
    let mut keys = keys();
    loop {
        tokio::select! {
            typed = keys.recv() => {
                let typed = typed.unwrap_or_default();
                let detach = typed.iter().position(|byte| *byte == DETACH);
                let sent = &typed[..detach.unwrap_or(typed.len())];
                if !sent.is_empty() {
                    socket.send(Message::binary(sent.to_vec())).await?;
                }
                if detach.is_some() || typed.is_empty() {
                    break;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => write(&bytes)?,
                Some(Ok(Message::Text(text))) => write(text.as_bytes())?,
                Some(Ok(Message::Close(_))) | None => break,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error).context("the console broke off"),
            },
        }
    }
    // The other side may be gone already.
    socket.close(None).await.ok();
    Ok(())
}

/// What is typed, read by a thread of its own: a read of the terminal can't be interrupted.
fn keys() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(KEYS_WAITING);
    std::thread::spawn(move || {
        let mut buffer = [0; READ_BYTES];
        while let Ok(count @ 1..) = std::io::stdin().read(&mut buffer) {
            if sender.blocking_send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}

/// Puts the terminal back as it was, however the console ends.
struct RawTerminal(Option<Termios>);

impl RawTerminal {
    fn enter() -> anyhow::Result<Self> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Ok(Self(None));
        }
        let before = termios::tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // Nothing is left to be done where the terminal is gone.
            termios::tcsetattr(std::io::stdin(), OptionalActions::Now, before).ok();
            eprintln!();
        }
    }
}
