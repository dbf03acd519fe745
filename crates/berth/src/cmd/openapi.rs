//! `berth openapi`: the document of the Global API, as the control server serves it.

pub fn run() -> anyhow::Result<()> {
    println!("{}", berth_control::http::v1::openapi().to_pretty_json()?);
    Ok(())
}
