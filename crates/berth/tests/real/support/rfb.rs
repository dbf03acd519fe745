//! A small RFB (VNC) client: version, password, and the screen's size. RFC 6143, sections 7.1 to 7.3.

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};

use super::websocket::Socket;

const VERSION: &[u8] = b"RFB 003.008\n";
const VNC_AUTHENTICATION: u8 = 2;

/// What the server said about its screen.
#[derive(Debug)]
pub struct Screen {
    pub width: u16,
    pub height: u16,
    pub name: String,
}

/// Speaks RFB up to the screen's description; the server's reason where it refuses the password.
pub async fn open(socket: &mut Socket, password: &str) -> Result<Screen, String> {
    let version = socket.read_exact(VERSION.len()).await;
    assert!(version.starts_with(b"RFB 003."), "not RFB: {version:?}");
    socket.send(VERSION).await;
    let count = socket.read_exact(1).await[0];
    let types = socket.read_exact(usize::from(count)).await;
    assert_eq!(types, [VNC_AUTHENTICATION], "only password authentication is offered");
    socket.send(&[VNC_AUTHENTICATION]).await;
    let challenge = socket.read_exact(16).await;
    socket.send(&answer(&challenge, password)).await;
    if socket.read_exact(4).await != [0; 4] {
        let length = u32::from_be_bytes(socket.read_exact(4).await.try_into().expect("four bytes"));
        let reason = socket.read_exact(usize::try_from(length).expect("small")).await;
        return Err(String::from_utf8_lossy(&reason).into_owned());
    }
    socket.send(&[1]).await;
    let head = socket.read_exact(24).await;
    let number = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let length = u32::from_be_bytes(head[20..24].try_into().expect("four bytes"));
    let name = socket.read_exact(usize::try_from(length).expect("small")).await;
    Ok(Screen { width: number(0), height: number(2), name: String::from_utf8_lossy(&name).into_owned() })
}

/// DES with the password as key, each of its bytes with its bits in reverse order (section 7.2.2).
fn answer(challenge: &[u8], password: &str) -> Vec<u8> {
    let mut key = [0_u8; 8];
    for (slot, byte) in key.iter_mut().zip(password.bytes()) {
        *slot = byte.reverse_bits();
    }
    let des = Des::new(&key.into());
    let mut out = Vec::new();
    for block in challenge.chunks_exact(8) {
        let mut block = <[u8; 8]>::try_from(block).expect("eight bytes").into();
        des.encrypt_block(&mut block);
        out.extend_from_slice(&block);
    }
    out
}
