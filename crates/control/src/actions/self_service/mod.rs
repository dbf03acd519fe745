//! What can be asked for of self service: credit, what customers may create, what they used.

pub mod access;
pub mod bills;
pub mod credits;
pub mod currencies;
pub mod offers;
pub mod own_servers;
pub mod pack_servers;
pub mod packs;
pub mod prices;
pub mod profiles;
pub mod purchase;
pub mod resize;
pub mod settings;
pub mod statements;
pub mod usage;
pub mod user_packs;

use berth_store::{Db, entity::user, user::Relation};

use crate::Error;

/// The customer of a relation.
pub(crate) async fn customer(db: &impl Db, relation: &Relation) -> Result<user::Model, Error> {
    berth_store::user::by_relation(db, relation).await?.ok_or(Error::NotFound("ext_relation_id"))
}
