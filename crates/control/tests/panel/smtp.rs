//! A mail server that keeps what it is given, or refuses it as a test likes (RFC 5321).

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A letter as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub to: String,
    /// Headers and body, decoded where they were quoted.
    pub text: String,
}

#[derive(Clone)]
pub struct Smtp {
    pub url: String,
    /// Answered to each recipient, as in `250 ok`.
    verdict: Arc<Mutex<&'static str>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Smtp {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let smtp = Self {
            url: format!("smtp://{address}"),
            verdict: Arc::new(Mutex::new("250 ok")),
            received: Arc::default(),
        };
        let serving = smtp.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        smtp
    }

    pub fn answer(&self, verdict: &'static str) {
        *self.verdict.lock().unwrap() = verdict;
    }

    /// What came since the last look.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.received.lock().unwrap())
    }

    async fn serve(self, stream: TcpStream) {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut to = String::new();
        write.write_all(b"220 test\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let mut answer = "250 ok";
            if verb == "RCPT" {
                answer = *self.verdict.lock().unwrap();
                line.trim_end_matches('>').rsplit('<').next().unwrap_or_default().clone_into(&mut to);
            }
            if verb == "DATA" {
                write.write_all(b"354 go on\r\n").await.unwrap();
                let mut text = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    text += &format!("{line}\n");
                }
                // Quoted-printable breaks long lines.
                let text = text.replace("=\n", "").replace("=3D", "=");
                self.received.lock().unwrap().push(Received { to: to.clone(), text });
            }
            if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() || verb == "QUIT" {
                return;
            }
        }
    }
}
