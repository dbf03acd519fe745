//! Self service: credit, what customers may create by themselves, and what they used.

mod access;
mod credit;
mod currencies;
mod packs;
mod profiles;
mod settings;
mod usage;
mod user_packs;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Context;

/// Operations and their addresses, one line each.
pub(super) fn operations() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(settings::settings, settings::change_settings))
        .routes(routes!(settings::package_price, settings::set_package_price))
        .routes(routes!(currencies::currencies, currencies::create_currency))
        .routes(routes!(currencies::update_currency, currencies::remove_currency))
        .routes(routes!(profiles::hourly_profiles, profiles::create_hourly_profile))
        .routes(routes!(profiles::hourly_profile, profiles::update_hourly_profile, profiles::remove_hourly_profile))
        .routes(routes!(profiles::resource_profiles, profiles::create_resource_profile))
        .routes(routes!(
            profiles::resource_profile,
            profiles::update_resource_profile,
            profiles::remove_resource_profile
        ))
        .routes(routes!(packs::packs, packs::create_pack))
        .routes(routes!(packs::pack, packs::update_pack, packs::remove_pack))
        .routes(routes!(packs::hourly_packs, packs::create_hourly_pack))
        .routes(routes!(packs::hourly_pack, packs::update_hourly_pack, packs::remove_hourly_pack))
        .routes(routes!(credit::credit, credit::add_credit))
        .routes(routes!(credit::cancel_credit))
        .routes(routes!(credit::ledger))
        .routes(routes!(credit::notices))
        .routes(routes!(access::give_hourly_profile))
        .routes(routes!(access::take_hourly_profile))
        .routes(routes!(access::give_resource_profile))
        .routes(routes!(access::take_resource_profile))
        .routes(routes!(access::set_hourly_pack))
        .routes(routes!(access::change_access))
        .routes(routes!(access::create_server))
        .routes(routes!(user_packs::user_packs, user_packs::add_user_pack))
        .routes(routes!(user_packs::user_pack, user_packs::change_user_pack, user_packs::remove_user_pack))
        .routes(routes!(user_packs::delete_pack_servers))
        .routes(routes!(user_packs::suspend_pack_servers))
        .routes(routes!(user_packs::unsuspend_pack_servers))
        .routes(routes!(usage::hourly_stats))
        .routes(routes!(usage::usage))
        .routes(routes!(usage::report))
        .routes(routes!(usage::statement))
}
