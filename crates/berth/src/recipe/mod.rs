//! Recipes of OS templates: a folder with `recipe.toml`, the files that go into the guest, and the script that makes
//! a disk of Debian's packages. Without mounts and loop devices, so that it also works in a container.

mod build;
mod cache;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

pub use build::{Built, build};

const RECIPE_FILE: &str = "recipe.toml";
/// Where a package of Berth would put its recipes.
const INSTALLED_DIR: &str = "/usr/share/berth/templates";
/// Keeps what was built.
pub const DEFAULT_CACHE: &str = "/var/lib/berth/recipes";
const NAME_LIMIT_CHARS: usize = 40;

/// A recipe that was read from its folder.
#[derive(Debug)]
pub struct Recipe {
    /// The folder's name: what the API calls the template's slug.
    pub name: String,
    pub dir: PathBuf,
    pub template: TemplateFacts,
    base: Base,
}

/// What is said about the template where it is offered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateFacts {
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub variant: Option<String>,
    pub description: String,
    pub category: String,
    pub icon: String,
    /// `linux`, `unix` or `windows`.
    pub os_type: String,
    /// What it boots with: `bios`, `uefi`, or both.
    pub firmware: Vec<String>,
}

/// The tree that mmdebstrap makes before the recipe's script runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    suite: String,
    /// mmdebstrap's variant: `extract` unpacks, `minbase` installs.
    variant: String,
    packages: Vec<String>,
    /// A script of the recipe that mmdebstrap runs with the tree's path at the end.
    #[serde(default)]
    customize: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeFile {
    template: TemplateFacts,
    base: Base,
}

impl Recipe {
    /// `recipes` is the folder of all recipes; by default the source tree's, where the program was started or built,
    /// or the installed one.
    pub fn find(name: &str, recipes: Option<&Path>) -> anyhow::Result<Self> {
        // The name becomes part of a path.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        ensure!(
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.len() <= NAME_LIMIT_CHARS
                && name.chars().all(plain),
            "{name:?} is not the name of a recipe"
        );
        let found = match recipes {
            Some(dir) => Some(dir.join(name)).filter(|dir| dir.join(RECIPE_FILE).is_file()),
            None => places().into_iter().map(|dir| dir.join(name)).find(|dir| dir.join(RECIPE_FILE).is_file()),
        };
        match found {
            Some(dir) => Self::read(name, dir),
            None => bail!("there is no recipe {name:?}; --recipes names the folder that holds the recipes"),
        }
    }

    /// The body with which the API learns of the template; the image is uploaded afterwards.
    pub fn registration(&self) -> Value {
        let TemplateFacts { name, version, variant, description, category, icon, os_type, firmware } = &self.template;
        json!({
            "slug": self.name, "name": name, "version": version, "variant": variant, "description": description,
            "category": category, "icon": icon, "type": os_type, "arch": 1,
            "uefi": !firmware.iter().any(|kind| kind == "bios"),
        })
    }

    fn read(name: &str, dir: PathBuf) -> anyhow::Result<Self> {
        let dir = dir.canonicalize().with_context(|| dir.display().to_string())?;
        let file = dir.join(RECIPE_FILE);
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let RecipeFile { template, base } = toml::from_str(&text).with_context(|| file.display().to_string())?;
        Ok(Self { name: name.to_owned(), dir, template, base })
    }
}

/// `templates/` beside and above the working folder and the program, then the installed one.
fn places() -> Vec<PathBuf> {
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let above = starts.iter().flatten().flat_map(|start| start.ancestors()).map(|dir| dir.join("templates"));
    above.chain([PathBuf::from(INSTALLED_DIR)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipes_of_this_tree_can_be_read() {
        for name in ["micro", "debian-12"] {
            let recipe = Recipe::find(name, None).unwrap();
            assert!(recipe.dir.join("assemble").is_file());
            assert!(!recipe.base.packages.is_empty() && !recipe.template.firmware.is_empty());
        }
    }

    #[test]
    fn t08_a_name_never_leaves_the_folder_of_recipes() {
        for name in ["../micro", "/etc", "", ".", "a/b", "A", "-x", "a b"] {
            let error = Recipe::find(name, None).unwrap_err().to_string();
            assert!(error.contains("not the name of a recipe"), "{name}: {error}");
        }
    }
}
