//! `berth template build`: makes an image from a recipe on this machine.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::client::{Client, ProfileArgs};
use crate::progress;
use crate::recipe::{self, Built, Recipe};

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Name of the recipe, e.g. micro
    name: String,
    /// Folder that gets a copy of the image, named after the recipe
    #[arg(long)]
    output: Option<PathBuf>,
    /// Offer the image: register the template and upload it
    #[arg(long)]
    upload: bool,
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
    if args.upload {
        spinner.set_message(format!("{}: uploading", recipe.name));
        register(&Client::from_args(profile)?, &recipe, &built).await?;
    }
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

/// Makes the template known and gives it its image; the template's id. The same image again changes nothing.
pub async fn register(client: &Client, recipe: &Recipe, built: &Built) -> anyhow::Result<i64> {
    let made = client.post("/media/templates", &recipe.registration()).await.context("registering the template")?;
    let template = &made["data"];
    let id = template["id"].as_i64().context("the new template has no id")?;
    if template["imageDigest"] != built.digest.as_str() {
        let image = tokio::fs::File::open(&built.path).await.with_context(|| built.path.display().to_string())?;
        client.upload(&format!("/media/templates/{id}/image"), image).await.context("uploading the image")?;
    }
    Ok(id)
}
