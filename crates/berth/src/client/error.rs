//! What can go wrong when the command line speaks to a control server, in sentences for the person at the terminal.

use serde_json::Value;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing was sent: the address or the trust settings can't be used.
    #[error("{0}")]
    Settings(String),
    /// No answer came.
    #[error("{url} could not be reached: {reason}")]
    Unreachable { url: String, reason: String },
    /// The server refused; its own sentences, one a line.
    #[error("{}", sentences.join("\n"))]
    Refused { status: u16, sentences: Vec<String> },
    /// An answer that is not of the documented shape.
    #[error("the server's answer to {what} could not be understood: {reason}")]
    Answer { what: String, reason: String },
}

impl ClientError {
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Nothing was sent, and nothing will be by trying again.
    pub fn is_settings(&self) -> bool {
        matches!(self, Self::Settings(_))
    }

    pub(super) fn refused(status: u16, body: &str) -> Self {
        let mut sentences = sentences(body);
        if sentences.is_empty() {
            sentences.push(format!("the server answered with status {status}"));
        }
        if status == 401 {
            sentences.push("Give a valid API token with --token, BERTH_TOKEN or the settings file.".to_owned());
        }
        Self::Refused { status, sentences }
    }
}

/// The error bodies of the API: `{"errors": [..]}`, `{"msg": ".."}` and `{"message": ".."}`.
fn sentences(body: &str) -> Vec<String> {
    let Ok(Value::Object(body)) = serde_json::from_str::<Value>(body) else { return Vec::new() };
    if let Some(Value::Array(errors)) = body.get("errors") {
        return errors.iter().map(|e| e.as_str().map_or_else(|| e.to_string(), str::to_owned)).collect();
    }
    let mut text = match body.get("msg").or_else(|| body.get("message")).and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => return Vec::new(),
    };
    if let Some(job) = body.get("queueId").and_then(Value::as_i64) {
        text.push_str(&format!(" (job {job})"));
    }
    vec![text]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_body_of_the_api_gives_the_servers_sentences() {
        let cases = [
            (422, r#"{"errors":["No address left.","No memory left."]}"#, "No address left.\nNo memory left."),
            (404, r#"{"msg":"server not found"}"#, "server not found"),
            (423, r#"{"msg":"The server is being built.","queueId":7}"#, "The server is being built. (job 7)"),
            (500, r#"{"message":"Server Error"}"#, "Server Error"),
            (502, "<html>", "the server answered with status 502"),
        ];
        for (status, body, want) in cases {
            assert_eq!(ClientError::refused(status, body).to_string(), want);
        }
    }
}
