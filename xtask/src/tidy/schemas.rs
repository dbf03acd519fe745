//! Names of OpenAPI schemas: of two of one name in a document, one would silently stand for both.

use std::collections::BTreeMap;

use super::Source;

/// Where each document's types are. What lies beside these folders may be in any of them.
const API: &str = "crates/api/src/";
const DOCUMENTS: [&str; 3] = ["v1/", "panel/", "customer/"];

pub fn check(sources: &[Source]) -> Vec<String> {
    DOCUMENTS.iter().flat_map(|document| twice(sources, document)).collect()
}

fn twice(sources: &[Source], document: &str) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|source| is_of(&source.path, document)) {
        for name in schemas(&source.text) {
            places.entry(name).or_default().push(&source.path);
        }
    }
    let twice = places.into_iter().filter(|(_, paths)| paths.len() > 1);
    twice.map(|(name, paths)| format!("{}: one schema of this name too many: {name}", paths.join(" and "))).collect()
}

fn is_of(path: &str, document: &str) -> bool {
    path.strip_prefix(API).is_some_and(|rest| rest.starts_with(document) || !rest.contains('/'))
}

/// The names of types that derive `ToSchema`.
fn schemas(text: &str) -> impl Iterator<Item = &str> {
    let mut is_schema = false;
    text.lines().filter_map(move |line| {
        is_schema |= line.starts_with("#[derive(") && line.contains("ToSchema");
        let kind = ["pub struct ", "pub enum "].iter().find_map(|kind| line.strip_prefix(kind))?;
        let name = kind.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
        std::mem::take(&mut is_schema).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    const SHARE: &str = "/// A share.\n#[derive(Clone, ToSchema)]\npub struct Share {\n}\npub struct Other;\n";

    #[test]
    fn two_of_one_name_are_found_within_a_document() {
        let of = |path: &str| source(&format!("{API}{path}"), SHARE);
        assert!(check(&[of("v1/share.rs"), of("panel/share.rs")]).is_empty());
        assert_eq!(check(&[of("panel/shop.rs"), of("panel/share.rs")]).len(), 1);
        assert_eq!(check(&[of("data.rs"), of("panel/share.rs")]).len(), 1);
    }
}
