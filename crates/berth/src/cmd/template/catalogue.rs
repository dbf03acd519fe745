//! `berth template catalogue`: the cloud images that templates can be made of.

use crate::catalogue;
use crate::client::ProfileArgs;
use crate::output::{Column, Format, column};

const COLUMNS: [Column; 5] = [
    column("NAME", "slug"),
    column("SYSTEM", "name"),
    column("VERSION", "version"),
    column("VARIANT", "variant"),
    column("PUBLISHER", "directory"),
];

pub fn run(profile: &ProfileArgs) -> anyhow::Result<()> {
    let rows: Vec<_> = catalogue::entries()?.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    print!("{}", Format::of(profile.json).rows(&COLUMNS, &rows));
    Ok(())
}
