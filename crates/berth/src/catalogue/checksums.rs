//! Reads publishers' files of checksums: `SHA256SUMS` and `SHA512SUMS` of coreutils, the BSD style of `CHECKSUM`
//! (`SHA256 (file) = ...`) with or without OpenPGP's armour around it, and a file that holds one sum alone.
//!
//! Such a file comes from elsewhere: it is bounded where it is fetched, nothing in it is taken for a path, and where
//! it says two things about one file it is not believed at all. Signatures are not checked; the file comes by https.

/// Sums weaker than these (MD5, SHA-1) count as none. The stronger one is preferred.
const ALGORITHMS: [(&str, usize); 2] = [("sha512", 128), ("sha256", 64)];

/// The checksum of `file` as `sha256:<hex>` or `sha512:<hex>`; the error is a sentence. `alone` is set where the
/// publisher has a file of checksums for this image only, which then need not name it.
pub fn digest_of(text: &str, file: &str, alone: bool) -> Result<String, String> {
    let lines: Vec<(&str, &str)> = sums(text).collect();
    let named = |name: &str| name == file || (alone && name.is_empty() && lines.len() == 1);
    for (algorithm, length) in ALGORITHMS {
        let mut found: Vec<String> = lines
            .iter()
            .filter(|&&(name, hex)| named(name) && hex.len() == length)
            .map(|(_, hex)| hex.to_ascii_lowercase())
            .collect();
        found.dedup();
        match &found[..] {
            [] => {}
            [hex] => return Ok(format!("{algorithm}:{hex}")),
            _ => return Err(format!("the file of checksums gives {file} more than one {algorithm} sum")),
        }
    }
    Err(format!("the file of checksums has no SHA-256 or SHA-512 sum of {file}"))
}

/// Names with their sums; the name is empty where a line holds a sum alone.
fn sums(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let signed = text.lines().take_while(|line| !line.starts_with("-----BEGIN PGP SIGNATURE"));
    signed.map(str::trim).filter(|line| !line.starts_with('#')).filter_map(|line| bsd(line).or_else(|| coreutils(line)))
}

/// `SHA256 (file) = hex`
fn bsd(line: &str) -> Option<(&str, &str)> {
    let (head, hex) = line.rsplit_once(" = ")?;
    let (algorithm, name) = head.strip_suffix(')')?.split_once(" (")?;
    let length = match algorithm {
        "SHA256" => 64,
        "SHA512" => 128,
        _ => return None,
    };
    (is_hex(hex) && hex.len() == length).then_some((name, hex))
}

/// `hex  file`, `hex *file`, or `hex`
fn coreutils(line: &str) -> Option<(&str, &str)> {
    let (hex, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let name = name.trim_start();
    let name = name.strip_prefix('*').unwrap_or(name);
    let known = ALGORITHMS.iter().any(|(_, length)| hex.len() == *length);
    (known && is_hex(hex)).then_some((name.strip_prefix("./").unwrap_or(name), hex))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "image.qcow2";

    fn sha256(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    fn sha512(digit: char) -> String {
        digit.to_string().repeat(128)
    }

    #[test]
    fn every_form_that_publishers_use_is_read() {
        let coreutils = format!("{}  other.qcow2\n{}  {FILE}\n", sha512('a'), sha512('b'));
        assert_eq!(digest_of(&coreutils, FILE, false), Ok(format!("sha512:{}", sha512('b'))));
        let binary = format!("{} *{FILE}\r\n", sha256('C'));
        assert_eq!(digest_of(&binary, FILE, false), Ok(format!("sha256:{}", sha256('c'))));
        let bsd = format!("# {FILE}: 123 bytes\nSHA256 (other) = {}\nSHA256 ({FILE}) = {}\n", sha256('1'), sha256('2'));
        assert_eq!(digest_of(&bsd, FILE, false), Ok(format!("sha256:{}", sha256('2'))));
        let armoured = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{bsd}-----BEGIN PGP SIGNATURE-----\n\n\
             SHA256 ({FILE}) = {}\n-----END PGP SIGNATURE-----\n",
            sha256('6')
        );
        assert_eq!(digest_of(&armoured, FILE, false), Ok(format!("sha256:{}", sha256('2'))));
        for alone in [sha512('d'), format!("{}\n", sha512('d')), format!("{}  {FILE}\n", sha512('d'))] {
            assert_eq!(digest_of(&alone, FILE, true), Ok(format!("sha512:{}", sha512('d'))));
        }
        let both = format!("{}  {FILE}\n{}  {FILE}\n", sha256('e'), sha512('f'));
        assert_eq!(digest_of(&both, FILE, false), Ok(format!("sha512:{}", sha512('f'))));
    }

    #[test]
    fn what_is_missing_weak_double_or_of_another_file_is_refused() {
        let refused = [
            String::new(),
            "<html>404</html>".to_owned(),
            format!("{}  {FILE}\n", "a".repeat(32)),
            format!("SHA1 ({FILE}) = {}\n", "a".repeat(40)),
            format!("SHA256 ({FILE}) = {}\n", sha512('a')),
            format!("{}  {FILE}.part\n{}  x{FILE}\n", sha256('a'), sha256('b')),
            format!("{}  ../{FILE}\n{}  /{FILE}\n", sha256('a'), sha256('b')),
            format!("{}  {FILE}\n", "g".repeat(64)),
            format!("#{}  {FILE}\n", sha256('a')),
        ];
        for text in refused {
            assert!(digest_of(&text, FILE, true).is_err(), "{text}");
        }
        let twice = format!("{}  {FILE}\nSHA256 ({FILE}) = {}\n", sha256('a'), sha256('b'));
        assert!(digest_of(&twice, FILE, false).unwrap_err().contains("more than one"));
        let same_twice = format!("{}  {FILE}\nSHA256 ({FILE}) = {}\n", sha256('a'), sha256('a'));
        assert!(digest_of(&same_twice, FILE, false).is_ok());
        assert!(digest_of(&sha256('a'), FILE, false).is_err(), "a sum without a name in a list of many");
        assert!(digest_of(&format!("{}\n{}\n", sha256('a'), sha256('b')), FILE, true).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_a_checksum_of_another_form(text in "(?s).{0,400}", alone: bool) {
            if let Ok(digest) = digest_of(&text, FILE, alone) {
                prop_assert!(berth_agent::image::ImageDigest::parse(&digest).is_ok());
            }
        }
    }
}
