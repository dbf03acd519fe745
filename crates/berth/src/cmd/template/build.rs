//! `berth template build`: makes an image from a recipe on this machine.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::client::ProfileArgs;
use crate::progress;
use crate::recipe::{self, Recipe};

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Name of the recipe, e.g. micro
    name: String,
    /// Folder that gets a copy of the image, named after the recipe
    #[arg(long)]
    output: Option<PathBuf>,
    /// Folder of the recipes; by default `templates` of the source tree
    #[arg(long, env = "BERTH_RECIPES")]
    recipes: Option<PathBuf>,
    /// Folder that keeps what was built
    #[arg(long, env = "BERTH_RECIPE_CACHE", default_value = recipe::DEFAULT_CACHE)]
    cache: PathBuf,
}

pub async fn run(profile: &ProfileArgs, args: &BuildArgs) -> anyhow::Result<()> {
    let recipe = Recipe::find(&args.name, args.recipes.as_deref())?;
    let spinner = progress::spinner(profile.json);
    let outcome = recipe::build(&recipe, &args.cache, |stage| spinner.set_message(format!("{}: {stage}", recipe.name)));
    let mut built = outcome.await?;
    spinner.finish_and_clear();
    if let Some(dir) = &args.output {
        let copy = dir.join(format!("{}.qcow2", recipe.name));
        std::fs::create_dir_all(dir)
            .and_then(|()| std::fs::copy(&built.path, &copy))
            .with_context(|| dir.display().to_string())?;
        built.path = copy;
    }
    if profile.json {
        println!("{}", serde_json::to_string_pretty(&built)?);
    } else {
        println!("{}\n{}", built.path.display(), built.digest);
    }
    Ok(())
}
