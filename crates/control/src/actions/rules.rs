//! Rules on input that several actions share. Each adds a sentence that names the field and what is allowed.

use berth_api::v1::confirm::Confirm;

/// A text that people read: printable, within its length.
pub fn text(errors: &mut Vec<String>, field: &str, value: &str, least: usize, most: usize) {
    let length = value.trim().chars().count();
    if length < least || length > most || value.chars().any(char::is_control) {
        errors.push(format!("The {field} must have {least} to {most} printable characters."));
    }
}

pub fn within(errors: &mut Vec<String>, field: &str, value: i64, range: std::ops::RangeInclusive<i64>) {
    if !range.contains(&value) {
        errors.push(format!("The {field} must be between {} and {}.", range.start(), range.end()));
    }
}

/// Whoever removes something says that it is meant.
pub fn confirmed(confirm: Confirm) -> Result<(), crate::Error> {
    if confirm.confirm {
        Ok(())
    } else {
        Err(crate::Error::invalid("The confirm must be true: what is removed is gone."))
    }
}

/// One `@` between a local part and a domain name; whether mail arrives is found out by sending some.
pub fn email(errors: &mut Vec<String>, field: &str, value: &str) {
    let sound = value.len() <= 191
        && value.split_once('@').is_some_and(|(local, domain)| {
            let host = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
            !local.is_empty()
                && !local.chars().any(|c| c.is_whitespace() || c.is_control() || "@<>,;:\"()[]\\".contains(c))
                && domain.len() >= 3
                && domain.contains('.')
                && domain.chars().all(host)
                && !domain.starts_with(['.', '-'])
                && !domain.ends_with(['.', '-'])
                && !domain.contains("..")
        });
    if !sound {
        errors.push(format!("The {field} must be an e-mail address of at most 191 characters."));
    }
}

/// As the tz database names it, such as `Europe/London`.
pub fn timezone(errors: &mut Vec<String>, field: &str, value: &str) {
    if value.parse::<chrono_tz::Tz>().is_err() {
        errors.push(format!("The {field} must be the IANA name of a time zone, such as Europe/London or UTC."));
    }
}

/// The tag of a language as it is written; `None` where there is none, or it is none.
pub fn language(errors: &mut Vec<String>, field: &str, value: Option<&str>) -> Option<String> {
    let tag = crate::language::tag(value?);
    if tag.is_none() {
        errors.push(format!("The {field} must be the tag of a language (BCP 47), such as en, de or pt-BR."));
    }
    tag
}

pub fn done(errors: Vec<String>) -> Result<(), crate::Error> {
    if errors.is_empty() { Ok(()) } else { Err(crate::Error::Invalid(errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_for_mail() {
        let bad = |value: &str| {
            let mut errors = Vec::new();
            email(&mut errors, "email", value);
            !errors.is_empty()
        };
        for good in ["jon@doe.com", "a.b+c@sub.example.test", "O'Neil@example.org"] {
            assert!(!bad(good), "{good}");
        }
        for wrong in ["", "jon", "@x.yz", "a@b", "a b@c.de", "a@b.c\n", "<a@b.cd>", "a@-b.cd", "a@b..cd", "a@@b.cd"] {
            assert!(bad(wrong), "{wrong}");
        }
    }
}
