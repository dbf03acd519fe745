//! Tags of languages (BCP 47), as RFC 5646 forms them: a language, and perhaps a script, a region and variants.

/// What RFC 5646 (4.4.1) says is enough.
const LONGEST: usize = 35;

/// The tag as it is written; none where it is no tag. Extensions, private use and what is grandfathered are not taken: no
/// catalogue is named so.
pub fn tag(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.split('-').peekable();
    let language = parts.next().filter(|part| (2..=3).contains(&part.len()) && letters(part))?;
    let mut written = vec![language.to_ascii_lowercase()];
    if let Some(script) = parts.next_if(|part| part.len() == 4 && letters(part)) {
        let (first, rest) = script.split_at(1);
        written.push(first.to_ascii_uppercase() + &rest.to_ascii_lowercase());
    }
    if let Some(region) = parts.next_if(|part| (part.len() == 2 && letters(part)) || (part.len() == 3 && digits(part)))
    {
        written.push(region.to_ascii_uppercase());
    }
    for variant in parts {
        let year = variant.len() == 4 && variant.starts_with(|c: char| c.is_ascii_digit());
        if !(year || (5..=8).contains(&variant.len())) || !variant.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        written.push(variant.to_ascii_lowercase());
    }
    Some(written.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_written_one_way() {
        for (text, written) in [
            ("en", "en"),
            ("DE", "de"),
            ("pt-br", "pt-BR"),
            ("ZH-hANS-cn", "zh-Hans-CN"),
            ("es-419", "es-419"),
            ("yue", "yue"),
            ("de-ch-1996", "de-CH-1996"),
            ("sl-ROZAJ", "sl-rozaj"),
        ] {
            assert_eq!(tag(text).as_deref(), Some(written), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_tag() {
        let long = format!("de{}", "-rozaj".repeat(6));
        for text in [
            "", "e", "english", "en_GB", "en-", "-en", "en--GB", "d3", "en-x-own", "en-GB-GB", "e\u{0}", "dé", " en",
            &long,
        ] {
            assert_eq!(tag(text), None, "{text}");
        }
    }
}
