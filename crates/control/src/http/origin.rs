//! Which page a browser's request comes from.

use axum::http::{HeaderMap, header};

/// Whether it is one of ours (`own`, as in `https://panel.example`) or of `allowed`. Only browsers send an origin, and
/// no page can make its browser leave it out where it matters: at sockets and at requests that change something.
pub fn is_ours(headers: &HeaderMap, own: &str, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let same = |other: &str| other.trim_end_matches('/').eq_ignore_ascii_case(origin);
    same(own) || allowed.iter().any(|other| same(other))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn t15_only_our_own_and_configured_pages_pass() {
        let allowed = ["https://shop.example".to_owned()];
        let check = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            is_ours(&headers, "https://panel.example:8443", &allowed)
        };
        assert!([None, Some("https://panel.example:8443"), Some("https://shop.example")].into_iter().all(check));
        let foreign = ["https://evil.example", "null", "https://panel.example", "http://panel.example:8443", ""];
        assert!(!foreign.into_iter().map(Some).any(check));
    }
}
