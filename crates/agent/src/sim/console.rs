//! What a simulated guest's consoles show: a screen on which every key lights a block, and a terminal that repeats
//! what is typed. Pure: bytes in, bytes out.

use std::fmt::Write as _;

const WIDTH: u16 = 640;
const HEIGHT: u16 = 400;
const NAME: &str = "Simulated guest";
/// What a client that never sets one gets: 32 bits, little-endian, red above green above blue.
const SHIFTS: [u8; 3] = [16, 8, 0];
/// Blocks of one row; more keys begin again.
const BLOCKS: usize = 16;
const BLOCK_PX: u16 = 24;
const BACKGROUND: [u8; 3] = [13, 34, 43];
const BAND: [u8; 3] = [20, 83, 96];
const LIT: [u8; 3] = [122, 214, 205];

/// The server's side of RFB 3.8 (RFC 6143), without a password: who may open it was decided before.
pub struct Screen {
    got: Vec<u8>,
    stage: Stage,
    shifts: [u8; 3],
    keys: usize,
    /// The client waits for whatever changes next.
    is_awaited: bool,
}

#[derive(Clone, Copy)]
enum Stage {
    Version,
    Security,
    Init,
    Messages,
}

impl Screen {
    /// The screen, and what it says first.
    pub fn open() -> (Self, Vec<u8>) {
        let screen = Self { got: Vec::new(), stage: Stage::Version, shifts: SHIFTS, keys: 0, is_awaited: false };
        (screen, b"RFB 003.008\n".to_vec())
    }

    /// Takes what the client sent, and says what it is answered.
    pub fn take(&mut self, data: &[u8]) -> Vec<u8> {
        self.got.extend_from_slice(data);
        let mut answer = Vec::new();
        while let Some(length) = self.length() {
            if self.got.len() < length {
                break;
            }
            let message: Vec<u8> = self.got.drain(..length).collect();
            self.one(&message, &mut answer);
        }
        answer
    }

    /// Of the message that comes next, once enough of it is there to say.
    fn length(&self) -> Option<usize> {
        let u16_at = |at: usize| Some(usize::from(u16::from_be_bytes(self.got.get(at..at + 2)?.try_into().ok()?)));
        let u32_at = |at: usize| usize::try_from(u32::from_be_bytes(self.got.get(at..at + 4)?.try_into().ok()?)).ok();
        match (self.stage, self.got.first()?) {
            (Stage::Version, _) => Some(12),
            (Stage::Security | Stage::Init, _) => Some(1),
            (Stage::Messages, 0) => Some(20),
            (Stage::Messages, 2) => Some(4 + 4 * u16_at(2)?),
            (Stage::Messages, 3) => Some(10),
            (Stage::Messages, 4) => Some(8),
            (Stage::Messages, 5) => Some(6),
            (Stage::Messages, 6) => Some(8 + u32_at(4)?),
            // Nothing else was offered.
            (Stage::Messages, _) => Some(1),
        }
    }

    fn one(&mut self, message: &[u8], answer: &mut Vec<u8>) {
        match (self.stage, message) {
            (Stage::Version, _) => {
                answer.extend([1, 1]);
                self.stage = Stage::Security;
            }
            (Stage::Security, _) => {
                answer.extend(0_u32.to_be_bytes());
                self.stage = Stage::Init;
            }
            (Stage::Init, _) => {
                answer.extend(WIDTH.to_be_bytes());
                answer.extend(HEIGHT.to_be_bytes());
                answer.extend([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
                answer.extend(u32::try_from(NAME.len()).unwrap_or(0).to_be_bytes());
                answer.extend(NAME.as_bytes());
                self.stage = Stage::Messages;
            }
            (Stage::Messages, [0, .., red, green, blue, _, _, _]) => self.shifts = [*red, *green, *blue],
            // The picture whole, or as soon as something changes.
            (Stage::Messages, [3, incremental, ..]) => match incremental {
                0 => self.paint(answer),
                _ => self.is_awaited = true,
            },
            (Stage::Messages, [4, 1, ..]) => {
                self.keys = (self.keys + 1) % (BLOCKS + 1);
                if self.is_awaited {
                    self.paint(answer);
                }
            }
            (Stage::Messages, _) => {}
        }
    }

    /// One update with one rectangle, raw.
    fn paint(&mut self, answer: &mut Vec<u8>) {
        self.is_awaited = false;
        answer.extend([0, 0, 0, 1, 0, 0, 0, 0]);
        answer.extend(WIDTH.to_be_bytes());
        answer.extend(HEIGHT.to_be_bytes());
        answer.extend(0_i32.to_be_bytes());
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                answer.extend(self.pixel(x, y));
            }
        }
    }

    fn pixel(&self, x: u16, y: u16) -> [u8; 4] {
        let is_block = y / BLOCK_PX == 8 && x % 40 < BLOCK_PX && usize::from(x / 40) < self.keys;
        let colour = match y {
            _ if is_block => LIT,
            176..=232 => BAND,
            _ => BACKGROUND,
        };
        let shifted = colour.iter().zip(self.shifts).map(|(value, shift)| u32::from(*value) << (shift & 24));
        shifted.sum::<u32>().to_le_bytes()
    }
}

/// A line that is waited at, as at a guest's serial port.
#[derive(Default)]
pub struct Terminal {
    line: String,
}

const PROMPT: &str = "simulated login: ";

impl Terminal {
    pub fn open() -> (Self, Vec<u8>) {
        (
            Self::default(),
            format!("\r\n\x1b[1mA simulated guest\x1b[0m, which never boots.\r\n\r\n{PROMPT}").into_bytes(),
        )
    }

    pub fn take(&mut self, data: &[u8]) -> Vec<u8> {
        let mut answer = String::new();
        for typed in String::from_utf8_lossy(data).chars() {
            match typed {
                '\r' | '\n' => {
                    let line = std::mem::take(&mut self.line);
                    let _ = write!(
                        answer,
                        "\r\n{}{PROMPT}",
                        if line.is_empty() { String::new() } else { format!("You typed: {line}\r\n") }
                    );
                }
                '\x7f' => {
                    if self.line.pop().is_some() {
                        answer.push_str("\x08 \x08");
                    }
                }
                typed if typed.is_control() => {}
                typed => {
                    self.line.push(typed);
                    answer.push(typed);
                }
            }
        }
        answer.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_a_picture_and_another_one_for_a_key() {
        let (mut screen, hello) = Screen::open();
        assert_eq!(hello, b"RFB 003.008\n");
        let mut bytes = b"RFB 003.008\n\x01\x01".to_vec();
        bytes.extend([2, 0, 0, 1, 0, 0, 0, 0]);
        bytes.extend([3, 0, 0, 0, 0, 0, 2, 128, 1, 144]);
        // In any pieces.
        let answer: Vec<u8> = bytes.chunks(3).flat_map(|piece| screen.take(piece)).collect();
        let picture = usize::from(WIDTH) * usize::from(HEIGHT) * 4 + 16;
        assert_eq!(answer.len(), 2 + 4 + 24 + NAME.len() + picture);
        assert!(screen.take(&[3, 1, 0, 0, 0, 0, 2, 128, 1, 144]).is_empty(), "nothing has changed");
        assert_eq!(screen.take(&[4, 1, 0, 0, 0, 0, 0, b'a']).len(), picture);
        assert!(screen.take(&[4, 0, 0, 0, 0, 0, 0, b'a']).is_empty());
    }

    #[test]
    fn a_terminal_repeats_what_is_typed() {
        let (mut terminal, _) = Terminal::open();
        assert_eq!(terminal.take(b"rox\x7fot"), b"rox\x08 \x08ot");
        assert!(String::from_utf8(terminal.take(b"\r")).unwrap().contains("You typed: root"));
    }
}
