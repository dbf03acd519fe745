//! The first schema: everything from a user to a queued job.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, partial_index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        create_tables(m).await?;
        create_constraints(m).await
    }
}

/// Rules that keep races from winning twice; the code relies on their columns to name the loser's reason.
async fn create_constraints(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    unique(m, "ip_block_bindings", &["block_id", "network_id"]).await?;
    unique(m, "ipv6_subnets", &["block_id", "subnet_index"]).await?;
    unique(m, "server_disks", &["server_id", "position"]).await?;
    unique(m, "server_interfaces", &["server_id", "position"]).await?;
    unique(m, "server_ssh_keys", &["server_id", "ssh_key_id"]).await?;
    unique(m, "servers", &["hypervisor_id", "run_as_uid"]).await?;
    unique(m, "periodic_tasks", &["task", "due_at"]).await?;
    // One job at a time runs for a server in each lane, and one that owns the server may be queued or run.
    partial_index(m, true, "jobs", &["server_id", "lane"], "state = 'running' AND server_id IS NOT NULL").await?;
    partial_index(m, true, "jobs", &["server_id"], "exclusive AND state IN ('queued', 'running')").await?;
    // What runners look for.
    partial_index(m, false, "jobs", &["run_at"], "state = 'queued'").await?;
    partial_index(m, false, "jobs", &["lease_until"], "state = 'running'").await?;
    // The next free address of a block.
    partial_index(m, false, "ipv4_addresses", &["block_id", "address"], "interface_id IS NULL AND NOT reserved")
        .await?;
    // The first subnet of a block that was released.
    partial_index(m, false, "ipv6_subnets", &["block_id", "subnet_index"], "interface_id IS NULL").await?;
    partial_index(m, false, "servers", &["delete_at"], "delete_at IS NOT NULL").await
}

async fn create_tables(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("settings")
            .col(id())
            .col(col("name").text().not_null().unique_key())
            .col(col("value").text().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;

    m.create_table(
        table("users")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("name").text().not_null())
            .col(col("email").text().not_null())
            .col(col("email_key").text().not_null().unique_key())
            .col(col("password_hash").text().not_null())
            .col(col("admin").boolean().not_null())
            .col(col("ext_relation_id").big_integer().null().unique_key())
            .col(col("rel_str").text().null().unique_key())
            .col(col("self_service").integer().not_null())
            .col(col("self_service_hourly_credit").boolean().not_null())
            .col(col("timezone").text().not_null())
            .col(col("suspended").boolean().not_null())
            .col(col("two_factor_auth").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;

    m.create_table(
        table("api_tokens")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("user_id").big_integer().not_null())
            .col(col("name").text().not_null())
            .col(col("token_hash").text().not_null().unique_key())
            .col(col("abilities").json().not_null())
            .col(col("allow_list").json().not_null())
            .col(col("expires_at").big_integer().null())
            .col(col("revoked_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("api_tokens", "user_id", "users"))
            .take(),
    )
    .await?;

    m.create_table(
        table("ssh_keys")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("user_id").big_integer().not_null())
            .col(col("name").text().not_null())
            .col(col("key_type").text().not_null())
            .col(col("public_key").text().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("ssh_keys", "user_id", "users"))
            .take(),
    )
    .await?;
    m.create_index(index("ssh_keys", &["user_id"])).await?;

    m.create_table(
        table("hypervisor_groups")
            .col(id())
            .col(col("name").text().not_null().unique_key())
            .col(col("label").text().null())
            .col(col("description").text().null())
            .col(col("icon").text().null())
            .col(col("distribution_type").integer().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("is_default").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;

    m.create_table(
        table("hypervisors")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("group_id").big_integer().not_null())
            .col(col("name").text().not_null().unique_key())
            .col(col("ip").text().not_null())
            .col(col("ip_alt").text().null())
            .col(col("hostname").text().null())
            .col(col("port").integer().not_null())
            .col(col("ssh_port").integer().not_null())
            .col(col("commissioned").integer().not_null())
            .col(col("maintenance").boolean().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("prohibit").boolean().not_null())
            .col(col("nf_type").integer().not_null())
            .col(col("max_servers").big_integer().not_null())
            .col(col("max_cpu").big_integer().not_null())
            .col(col("max_memory_mib").big_integer().not_null())
            .col(col("max_storage_gib").big_integer().not_null())
            .col(col("data_dir").text().not_null())
            .col(col("timezone").text().not_null())
            .col(col("facts").json().not_null())
            .col(col("facts_at").big_integer().null())
            .col(col("certificate_serial").text().null())
            .col(col("certificate_expires_at").big_integer().null())
            .col(col("key_sha256").text().null().unique_key())
            .col(col("event_incarnation").text().not_null())
            .col(col("event_sequence").big_integer().not_null())
            .col(col("capacity_version").big_integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("hypervisors", "group_id", "hypervisor_groups"))
            .take(),
    )
    .await?;
    m.create_index(index("hypervisors", &["group_id"])).await?;

    m.create_table(
        table("hypervisor_networks")
            .col(id())
            .col(col("hypervisor_id").big_integer().not_null())
            .col(col("kind").text().not_null())
            .col(col("bridge").text().not_null())
            .col(col("mtu").integer().null())
            .col(col("is_primary").boolean().not_null())
            .col(col("is_default").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("hypervisor_networks", "hypervisor_id", "hypervisors"))
            .take(),
    )
    .await?;
    m.create_index(index("hypervisor_networks", &["hypervisor_id"])).await?;

    m.create_table(
        table("enrolment_tokens")
            .col(id())
            .col(col("token_hash").text().not_null().unique_key())
            .col(col("name").text().not_null())
            .col(col("group_id").big_integer().not_null())
            .col(col("expires_at").big_integer().not_null())
            .col(col("used_at").big_integer().null())
            .col(col("hypervisor_id").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("enrolment_tokens", "group_id", "hypervisor_groups"))
            .take(),
    )
    .await?;

    m.create_table(
        table("packages")
            .col(id())
            .col(col("name").text().not_null().unique_key())
            .col(col("description").text().null())
            .col(col("enabled").boolean().not_null())
            .col(col("memory_mib").big_integer().not_null())
            .col(col("primary_storage_gib").big_integer().not_null())
            .col(col("traffic_gb").big_integer().not_null())
            .col(col("cpu_cores").big_integer().not_null())
            .col(col("network_in_kbs").big_integer().not_null())
            .col(col("network_out_kbs").big_integer().not_null())
            .col(col("disk_type").text().not_null())
            .col(col("storage_profile").integer().not_null())
            .col(col("network_profile").integer().not_null())
            .col(col("read_bytes_s").big_integer().null())
            .col(col("write_bytes_s").big_integer().null())
            .col(col("read_iops").big_integer().null())
            .col(col("write_iops").big_integer().null())
            .col(col("backup_plan_id").big_integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;

    m.create_table(
        table("template_categories")
            .col(id())
            .col(col("name").text().not_null().unique_key())
            .col(col("description").text().not_null())
            .col(col("icon").text().not_null())
            .col(col("position").integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .take(),
    )
    .await?;

    m.create_table(
        table("templates")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("category_id").big_integer().not_null())
            .col(col("slug").text().not_null().unique_key())
            .col(col("name").text().not_null())
            .col(col("version").text().not_null())
            .col(col("variant").text().null())
            .col(col("arch").integer().not_null())
            .col(col("description").text().not_null())
            .col(col("icon").text().not_null())
            .col(col("eol").boolean().not_null())
            .col(col("eol_date").big_integer().null())
            .col(col("eol_warning").boolean().not_null())
            .col(col("deploy_type").integer().not_null())
            .col(col("vnc").boolean().not_null())
            .col(col("os_type").text().not_null())
            .col(col("uefi").boolean().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("image_digest").text().not_null())
            .col(col("image_url").text().null())
            .col(col("image_bytes").big_integer().not_null())
            .col(col("image_virtual_bytes").big_integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("templates", "category_id", "template_categories"))
            .take(),
    )
    .await?;

    m.create_table(
        table("ip_blocks")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("name").text().not_null().unique_key())
            .col(col("family").integer().not_null())
            .col(col("gateway").text().not_null())
            .col(col("prefix_len").integer().not_null())
            .col(col("source_prefix").text().null())
            .col(col("subnet_prefix_len").integer().null())
            .col(col("resolver1").text().null())
            .col(col("resolver2").text().null())
            .col(col("enabled").boolean().not_null())
            .col(col("network_profile").integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;

    m.create_table(
        table("ip_block_bindings")
            .col(id())
            .col(col("block_id").big_integer().not_null())
            .col(col("network_id").big_integer().not_null())
            .col(col("position").integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("ip_block_bindings", "block_id", "ip_blocks"))
            .foreign_key(&mut references("ip_block_bindings", "network_id", "hypervisor_networks"))
            .take(),
    )
    .await?;
    m.create_index(index("ip_block_bindings", &["network_id"])).await?;

    m.create_table(
        table("servers")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("owner_id").big_integer().not_null())
            .col(col("hypervisor_id").big_integer().not_null())
            .col(col("package_id").big_integer().not_null())
            .col(col("template_id").big_integer().null())
            .col(col("name").text().not_null())
            .col(col("hostname").text().null())
            .col(col("state").text().not_null())
            .col(col("commission_status").integer().not_null())
            .col(col("rebuild").boolean().not_null())
            .col(col("suspended").boolean().not_null())
            .col(col("protected").boolean().not_null())
            .col(col("build_failed").boolean().not_null())
            .col(col("self_service").integer().not_null())
            .col(col("timezone").text().not_null())
            .col(col("memory_mib").big_integer().not_null())
            .col(col("cpu_cores").big_integer().not_null())
            .col(col("traffic_gb").big_integer().not_null())
            .col(col("storage_profile").integer().not_null())
            .col(col("network_profile").integer().not_null())
            .col(col("cpu_type").text().not_null())
            .col(col("cpu_shares").big_integer().not_null())
            .col(col("cpu_throttle").integer().not_null())
            .col(col("uefi").boolean().not_null())
            .col(col("boot_order").json().not_null())
            .col(col("password_enc").text().not_null())
            .col(col("password_hash").text().not_null())
            .col(col("swap_mib").big_integer().not_null())
            .col(col("user_data").text().not_null())
            .col(col("vnc_enabled").boolean().not_null())
            .col(col("build_uuid").uuid().null())
            .col(col("generation").big_integer().not_null())
            .col(col("run_as_uid").big_integer().not_null())
            .col(col("firewall_rulesets").json().not_null())
            .col(col("hypervisor_asset_groups").json().not_null())
            .col(col("backup_plan_id").big_integer().null())
            .col(col("backup_access").text().not_null())
            .col(col("delete_at").big_integer().null())
            .col(col("deleting").boolean().not_null())
            .col(col("built_at").big_integer().null())
            .col(col("last_on_at").big_integer().null())
            .col(col("power").text().not_null())
            .col(col("power_at").big_integer().null())
            .col(col("guest_agent").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("servers", "owner_id", "users"))
            .foreign_key(&mut references("servers", "hypervisor_id", "hypervisors"))
            .take(),
    )
    .await?;
    m.create_index(index("servers", &["owner_id"])).await?;
    // Covers the sums of what is allocated on a node.
    m.create_index(index("servers", &["hypervisor_id", "memory_mib", "cpu_cores"])).await?;
    // Covers the counting and the paging of lists.
    m.create_index(index("servers", &["deleting", "id"])).await?;

    m.create_table(
        table("server_disks")
            .col(id())
            .col(col("server_id").big_integer().not_null())
            .col(col("position").integer().not_null())
            .col(col("volume_uuid").uuid().not_null().unique_key())
            .col(col("capacity_gib").big_integer().not_null())
            .col(col("profile").integer().not_null())
            .col(col("format").text().not_null())
            .col(col("status").integer().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("is_primary").boolean().not_null())
            .col(col("read_bytes_s").big_integer().null())
            .col(col("write_bytes_s").big_integer().null())
            .col(col("read_iops").big_integer().null())
            .col(col("write_iops").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("server_disks", "server_id", "servers"))
            .take(),
    )
    .await?;
    m.create_index(index("server_disks", &["server_id", "capacity_gib"])).await?;

    m.create_table(
        table("server_interfaces")
            .col(id())
            .col(col("server_id").big_integer().not_null())
            .col(col("network_id").big_integer().not_null())
            .col(col("position").integer().not_null())
            .col(col("is_primary").boolean().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("tag").big_integer().not_null().unique_key())
            .col(col("mac").text().not_null().unique_key())
            .col(col("name").text().not_null())
            .col(col("driver").integer().null())
            .col(col("in_average_kbs").big_integer().not_null())
            .col(col("out_average_kbs").big_integer().not_null())
            .col(col("ip_filter").boolean().not_null())
            .col(col("network_profile").integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("server_interfaces", "server_id", "servers"))
            .foreign_key(&mut references("server_interfaces", "network_id", "hypervisor_networks"))
            .take(),
    )
    .await?;
    m.create_index(index("server_interfaces", &["server_id"])).await?;
    m.create_index(index("server_interfaces", &["network_id"])).await?;

    m.create_table(
        table("server_ssh_keys")
            .col(id())
            .col(col("server_id").big_integer().not_null())
            .col(col("ssh_key_id").big_integer().not_null())
            .col(col("position").integer().not_null())
            .foreign_key(&mut references("server_ssh_keys", "server_id", "servers"))
            .foreign_key(&mut references("server_ssh_keys", "ssh_key_id", "ssh_keys"))
            .take(),
    )
    .await?;
    m.create_index(index("server_ssh_keys", &["server_id"])).await?;
    m.create_index(index("server_ssh_keys", &["ssh_key_id"])).await?;

    m.create_table(
        table("ipv4_addresses")
            .col(id())
            .col(col("block_id").big_integer().not_null())
            .col(col("address").big_integer().not_null().unique_key())
            .col(col("interface_id").big_integer().null())
            .col(col("position").integer().not_null())
            .col(col("reserved").boolean().not_null())
            .col(col("assigned_at").big_integer().null())
            .col(col("released_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("ipv4_addresses", "block_id", "ip_blocks"))
            .foreign_key(&mut references("ipv4_addresses", "interface_id", "server_interfaces"))
            .take(),
    )
    .await?;
    m.create_index(index("ipv4_addresses", &["interface_id"])).await?;

    m.create_table(
        table("ipv6_subnets")
            .col(id())
            .col(col("block_id").big_integer().not_null())
            .col(col("subnet_index").big_integer().not_null())
            .col(col("subnet").text().not_null())
            .col(col("prefix_len").integer().not_null())
            .col(col("interface_id").big_integer().null())
            .col(col("position").integer().not_null())
            .col(col("assigned_at").big_integer().null())
            .col(col("released_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("ipv6_subnets", "block_id", "ip_blocks"))
            .foreign_key(&mut references("ipv6_subnets", "interface_id", "server_interfaces"))
            .take(),
    )
    .await?;
    m.create_index(index("ipv6_subnets", &["interface_id"])).await?;

    m.create_table(
        table("pending_actions")
            .col(id())
            .col(col("server_id").big_integer().not_null())
            .col(col("action").text().not_null())
            .col(col("requires").json().not_null())
            .col(col("collected").boolean().not_null())
            .col(col("complete").boolean().not_null())
            .col(col("failed").boolean().not_null())
            .col(col("payload").json().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("pending_actions", "server_id", "servers"))
            .take(),
    )
    .await?;
    m.create_index(index("pending_actions", &["server_id"])).await?;

    m.create_table(
        table("console_tokens")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("server_id").big_integer().not_null())
            .col(col("kind").text().not_null())
            .col(col("token_hash").text().not_null().unique_key())
            .col(col("password_enc").text().not_null())
            .col(col("token_enc").text().not_null())
            .col(col("expires_at").big_integer().not_null())
            .col(col("used_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("console_tokens", "server_id", "servers"))
            .take(),
    )
    .await?;
    m.create_index(index("console_tokens", &["server_id"])).await?;

    m.create_table(
        table("jobs")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("kind").text().not_null())
            .col(col("action").text().not_null())
            .col(col("server_id").big_integer().null())
            .col(col("hypervisor_id").big_integer().null())
            .col(col("lane").integer().not_null())
            .col(col("exclusive").boolean().not_null())
            .col(col("state").text().not_null())
            .col(col("step").text().not_null())
            .col(col("payload").json().not_null())
            .col(col("result").json().not_null())
            .col(col("attempt").integer().not_null())
            .col(col("run_at").big_integer().not_null())
            .col(col("deadline_at").big_integer().not_null())
            .col(col("lease_until").big_integer().null())
            .col(col("lease_token").big_integer().not_null())
            .col(col("lease_owner").text().null())
            .col(col("progress").integer().not_null())
            .col(col("error").text().null())
            .col(col("cancel_requested").boolean().not_null())
            .col(col("started_at").big_integer().null())
            .col(col("finished_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_index(index("jobs", &["server_id"])).await?;
    m.create_index(index("jobs", &["hypervisor_id"])).await?;

    m.create_table(
        table("job_log")
            .col(id())
            .col(col("job_id").big_integer().not_null())
            .col(col("step").text().not_null())
            .col(col("success").boolean().not_null())
            .col(col("data").json().not_null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("job_log", "job_id", "jobs"))
            .take(),
    )
    .await?;
    m.create_index(index("job_log", &["job_id"])).await?;

    m.create_table(
        table("audit_log")
            .col(id())
            .col(col("at").big_integer().not_null())
            .col(col("actor_kind").text().not_null())
            .col(col("actor_id").big_integer().null())
            .col(col("user_id").big_integer().null())
            .col(col("address").text().null())
            .col(col("request_id").text().null())
            .col(col("action").text().not_null())
            .col(col("subject_kind").text().not_null())
            .col(col("subject_id").big_integer().null())
            .col(col("before").json().null())
            .col(col("after").json().null())
            .take(),
    )
    .await?;
    m.create_index(index("audit_log", &["at"])).await?;
    m.create_index(index("audit_log", &["subject_kind", "subject_id"])).await?;

    m.create_table(
        table("periodic_tasks")
            .col(id())
            .col(col("task").text().not_null())
            .col(col("due_at").big_integer().not_null())
            .col(col("claimed_by").text().not_null())
            .col(col("finished_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .take(),
    )
    .await?;
    Ok(())
}
