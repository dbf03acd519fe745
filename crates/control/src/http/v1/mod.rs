//! The Global API, `/api/v1`: the whole URL table. Bearer tokens only, never a cookie.

mod audit;
mod backups;
mod connect;
mod cpu_fairness;
mod dns;
pub(in crate::http) mod document;
mod group_fits;
mod hypervisor_checks;
mod hypervisor_groups;
mod hypervisor_metrics;
mod hypervisor_networks;
mod hypervisors;
mod icons;
mod ip_addresses;
mod ip_block_bindings;
mod ip_block_groups;
mod ip_blocks;
mod isos;
mod login_tokens;
mod mails;
mod network_filters;
mod packages;
mod queue;
mod queue_events;
mod rulesets;
mod self_service;
mod servers;
mod ssh_keys;
mod status;
mod storage_points;
mod template_categories;
mod templates;
mod tokens;
mod users;

use axum::{Json, Router, extract::DefaultBodyLimit, middleware, routing::get};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Context, Error,
    http::{auth, permit},
};

/// Operations and their addresses, one line each.
fn operations() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(document::head())
        .routes(routes!(connect::test))
        .routes(routes!(status::status))
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::retrieve, users::delete_by_id))
        .routes(routes!(users::by_relation, users::modify, users::delete))
        .routes(routes!(users::reset_password))
        .routes(routes!(users::set_role))
        .routes(routes!(login_tokens::create))
        .routes(routes!(login_tokens::create_for_server))
        .routes(routes!(ssh_keys::create))
        .routes(routes!(ssh_keys::retrieve, ssh_keys::delete))
        .routes(routes!(ssh_keys::of_user))
        .routes(routes!(packages::list, packages::create))
        .routes(routes!(packages::retrieve, packages::update, packages::remove))
        .routes(routes!(hypervisors::list))
        .routes(routes!(hypervisors::retrieve, hypervisors::update, hypervisors::remove))
        .routes(routes!(hypervisor_metrics::metrics))
        .routes(routes!(hypervisors::create_enrolment_token))
        .routes(routes!(hypervisor_checks::selftest))
        .routes(routes!(hypervisor_checks::drift))
        .routes(routes!(network_filters::regenerate))
        .routes(routes!(storage_points::list, storage_points::create))
        .routes(routes!(storage_points::update, storage_points::remove))
        .routes(routes!(hypervisor_groups::list, hypervisor_groups::create))
        .routes(routes!(hypervisor_groups::retrieve, hypervisor_groups::update, hypervisor_groups::remove))
        .routes(routes!(hypervisor_groups::resources))
        .routes(routes!(group_fits::fits))
        .routes(routes!(templates::list, templates::create))
        .routes(routes!(templates::retrieve, templates::update, templates::remove))
        .routes(routes!(template_categories::list, template_categories::create))
        .routes(routes!(template_categories::update, template_categories::remove))
        .routes(routes!(icons::list, icons::create))
        .routes(routes!(icons::remove))
        .routes(routes!(templates::of_package))
        .routes(routes!(templates::of_server))
        .routes(routes!(isos::list_isos, isos::create_iso))
        .routes(routes!(isos::retrieve_iso, isos::change_iso, isos::delete_iso))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::list))
        .routes(routes!(mails::list))
        .routes(routes!(queue::list))
        .routes(routes!(queue::retrieve))
        .routes(routes!(queue::cancel))
        .routes(routes!(queue::retry))
        .routes(routes!(queue_events::all))
        .routes(routes!(queue_events::of_item))
        .routes(routes!(servers::create::create, servers::list::list))
        .routes(routes!(servers::list::of_user))
        .routes(routes!(servers::retrieve::retrieve, servers::delete::delete))
        .routes(routes!(servers::delete::cancel))
        .routes(routes!(servers::build::build))
        .routes(routes!(servers::power::boot))
        .routes(routes!(servers::power::shutdown))
        .routes(routes!(servers::power::restart))
        .routes(routes!(servers::power::poweroff))
        .routes(routes!(servers::build::reset_password))
        .routes(routes!(servers::console::vnc, servers::console::switch_vnc))
        .routes(routes!(servers::console::serial))
        .routes(routes!(servers::modify::name))
        .routes(routes!(servers::modify::memory))
        .routes(routes!(servers::modify::cpu_cores))
        .routes(routes!(servers::modify::cpu_throttle))
        .routes(routes!(servers::modify::storage))
        .routes(routes!(servers::disks::list, servers::disks::create))
        .routes(routes!(servers::disks::retrieve, servers::disks::update, servers::disks::remove))
        .routes(routes!(servers::modify::traffic))
        .routes(routes!(servers::modify::protected))
        .routes(routes!(servers::owner::owner))
        .routes(routes!(servers::package::package))
        .routes(routes!(servers::suspend::suspend))
        .routes(routes!(servers::suspend::unsuspend))
        .routes(routes!(backups::of_server))
        .routes(routes!(backups::plans, backups::create_plan))
        .routes(routes!(backups::plan, backups::update_plan, backups::remove_plan))
        .routes(routes!(servers::backups::access))
        .routes(routes!(servers::backups::plan))
        .routes(routes!(servers::hardware::change_hardware))
        .routes(routes!(cpu_fairness::of_package, cpu_fairness::set_of_package))
        .routes(routes!(cpu_fairness::of_server))
        .routes(routes!(servers::custom_xml::set_custom_xml))
        .routes(routes!(servers::media::iso, servers::media::mount, servers::media::eject))
        .merge(network())
        .merge(self_service::operations())
}

/// Addresses, interfaces, firewalls, traffic.
fn network() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(ip_blocks::list, ip_blocks::create))
        .routes(routes!(ip_blocks::retrieve, ip_blocks::update, ip_blocks::delete))
        .routes(routes!(ip_block_groups::list, ip_block_groups::create))
        .routes(routes!(ip_block_groups::retrieve, ip_block_groups::update, ip_block_groups::remove))
        .routes(routes!(ip_addresses::add, ip_addresses::list, ip_addresses::reserve, ip_addresses::remove))
        .routes(routes!(ip_addresses::history))
        .routes(routes!(hypervisor_networks::list, hypervisor_networks::create))
        .routes(routes!(hypervisor_networks::retrieve, hypervisor_networks::update, hypervisor_networks::remove))
        .routes(routes!(ip_block_bindings::of_block))
        .routes(routes!(ip_block_bindings::list, ip_block_bindings::bind))
        .routes(routes!(ip_block_bindings::order))
        .routes(routes!(ip_block_bindings::move_to, ip_block_bindings::unbind))
        .routes(routes!(servers::addresses::add_quantity))
        .routes(routes!(servers::addresses::add, servers::addresses::remove))
        .routes(routes!(servers::addresses::whitelist, servers::addresses::unlist))
        .routes(routes!(servers::interfaces::list, servers::interfaces::create))
        .routes(routes!(servers::interfaces::retrieve, servers::interfaces::update, servers::interfaces::remove))
        .routes(routes!(servers::interfaces::add_ipv4, servers::interfaces::remove_ipv4))
        .routes(routes!(servers::interfaces::add_ipv6, servers::interfaces::remove_ipv6))
        .routes(routes!(servers::macs::list))
        .routes(routes!(servers::macs::set_ipv4))
        .routes(routes!(servers::macs::set_ipv6))
        .routes(routes!(servers::vlans::list, servers::vlans::create))
        .routes(routes!(servers::vlans::update, servers::vlans::remove))
        .routes(routes!(servers::forwards::list, servers::forwards::create))
        .routes(routes!(servers::forwards::remove))
        .routes(routes!(servers::firewall::retrieve))
        .routes(routes!(servers::firewall::enable))
        .routes(routes!(servers::firewall::disable))
        .routes(routes!(servers::firewall::apply))
        .routes(routes!(servers::firewall::rules, servers::firewall::add))
        .routes(routes!(servers::firewall::change, servers::firewall::remove))
        .routes(routes!(servers::firewall::copy))
        .routes(routes!(servers::firewall::quarantine, servers::firewall::release))
        .routes(routes!(dns::services, dns::create_service))
        .routes(routes!(dns::retrieve_service, dns::modify_service, dns::delete_service))
        .routes(routes!(dns::zones, dns::create_zone))
        .routes(routes!(dns::modify_zone, dns::delete_zone))
        .routes(routes!(dns::name_ipv4))
        .routes(routes!(dns::name_ipv6))
        .routes(routes!(dns::name))
        .routes(routes!(rulesets::list, rulesets::create))
        .routes(routes!(rulesets::retrieve, rulesets::update, rulesets::delete))
        .routes(routes!(rulesets::of_package, rulesets::set_of_package))
        .routes(routes!(servers::traffic::retrieve))
        .routes(routes!(servers::traffic::history))
        .routes(routes!(servers::traffic::rates))
        .routes(routes!(servers::traffic::blocks, servers::traffic::add))
        .routes(routes!(servers::traffic::remove))
        .routes(routes!(servers::traffic::policy, servers::traffic::set_policy))
}

/// Bodies that are streamed to disk and have limits of their own.
fn uploads() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(templates::upload)).routes(routes!(isos::upload_iso))
}

/// The OpenAPI 3.1 document, generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    assemble().1
}

/// Everything that is served, and its description.
fn assemble() -> ((Router<Context>, Router<Context>), utoipa::openapi::OpenApi) {
    let (operations, mut description) = operations().split_for_parts();
    let (uploads, of_uploads) = uploads().split_for_parts();
    description.merge(of_uploads);
    ((operations, uploads), document::complete(description))
}

pub fn router(ctx: &Context) -> Router<Context> {
    let ((operations, uploads), document) = assemble();
    let document = get(move || async move { Json(document) });
    let with_token = operations
        .fallback(|| async { Error::NotFound("operation") })
        .layer(middleware::from_fn(permit::permit))
        .layer(middleware::from_fn(super::body::limited))
        .layer(super::time_limit())
        .merge(uploads.layer(middleware::from_fn(permit::permit)).layer(DefaultBodyLimit::disable()))
        .layer(middleware::from_fn_with_state(ctx.clone(), auth::authenticate));
    Router::new().route("/openapi.json", document).merge(with_token)
}
