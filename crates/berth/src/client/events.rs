//! Server-sent events, as far as the queue's streams need them.

use std::time::Duration;

use serde_json::Value;

use super::{ANSWER_LIMIT_BYTES, Client, ClientError, causes};

/// The server ends a stream after ten minutes.
const STREAM_LIMIT: Duration = Duration::from_secs(660);
/// The server is heard of every 15 s, so who says nothing for this long is gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);

/// Events of one stream, as they come in.
pub struct Events {
    answer: reqwest::Response,
    text: String,
}

impl Client {
    /// Opens a stream; `path` is as in [`Client::call`].
    pub async fn events(&self, path: &str) -> Result<Events, ClientError> {
        let mut request = self.http.get(self.address(path)).timeout(STREAM_LIMIT).header("Accept", "text/event-stream");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status().as_u16();
        if status != 200 {
            let body = answer.text().await.unwrap_or_default();
            return Err(ClientError::refused(status, &body));
        }
        Ok(Events { answer, text: String::new() })
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        ClientError::Unreachable { url: self.base.to_string(), reason: causes(error) }
    }
}

impl Events {
    /// The next event's data. `None` when the stream has ended or broken: then it can be opened again.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data:"));
                let data = data.and_then(|data| serde_json::from_str(data.trim_start()).ok());
                self.text = rest.to_owned();
                if data.is_some() {
                    return data;
                }
            }
            let chunk = tokio::time::timeout(SILENCE_LIMIT, self.answer.chunk()).await.ok()?.ok()??;
            self.text.push_str(&String::from_utf8_lossy(&chunk));
            if self.text.len() > ANSWER_LIMIT_BYTES {
                return None;
            }
        }
    }
}
