//! More servers, as copies of the first: each with its disk, interface and addresses, spread over nodes and users.

use berth_store::{
    StoreError, Tx,
    entity::{ipv4_address, ipv6_subnet, server, server_disk, server_interface},
};
use sea_orm::{ConnectionTrait, DatabaseBackend, EntityTrait, Iden, Iterable};

use crate::world::{NODES, USERS, World};

/// Servers are added until there are so many.
pub async fn up_to(world: &World, servers: u64) {
    let (first, node, network, user) = (world.first_server, world.first_node, world.first_network, world.user);
    let filled = world.ctx.store.write_tx::<_, StoreError>(|tx| {
        Box::pin(async move {
            let uuid = match tx.get_database_backend() {
                DatabaseBackend::Sqlite => "randomblob(16)",
                _ => "gen_random_uuid()",
            };
            let numbers = format!(
                "WITH RECURSIVE known(latest, servers) AS (SELECT MAX(id), COUNT(*) FROM servers), \
                 numbers(n) AS (SELECT latest + 1 FROM known UNION ALL \
                 SELECT n + 1 FROM numbers, known WHERE n < latest + {servers} - servers)"
            );
            let spread = |from: i64, over: i64| format!("{from} + n % {over}");
            let of_server: [(&str, &str); 4] = [
                ("uuid", uuid),
                ("run_as_uid", "3000000 + n"),
                ("hypervisor_id", &spread(node, NODES)),
                ("owner_id", &spread(user, USERS)),
            ];
            let latest = tx_number(tx, "SELECT MAX(id) FROM servers").await?;
            copy::<server::Entity>(tx, &numbers, "servers", &of_server, &format!("numbers WHERE o.id = {first}"))
                .await?;
            let new = format!("servers s WHERE s.id > {latest} AND o.server_id = {first}");
            let of_disk = [("server_id", "s.id"), ("volume_uuid", uuid)];
            copy::<server_disk::Entity>(tx, "", "server_disks", &of_disk, &new).await?;
            let on_network = format!("{network} + s.hypervisor_id - {node}");
            let of_interface = [
                ("server_id", "s.id"),
                ("network_id", &on_network),
                ("tag", "20000000000 + s.id"),
                ("mac", "'m' || s.id"),
            ];
            copy::<server_interface::Entity>(tx, "", "server_interfaces", &of_interface, &new).await?;
            let new = format!(
                "server_interfaces s, server_interfaces f \
                 WHERE s.server_id > {latest} AND f.server_id = {first} AND o.interface_id = f.id"
            );
            let of_address = [("interface_id", "s.id"), ("address", "3000000000 + s.id")];
            copy::<ipv4_address::Entity>(tx, "", "ipv4_addresses", &of_address, &new).await?;
            let of_subnet = [("interface_id", "s.id"), ("subnet_index", "100 + s.id")];
            copy::<ipv6_subnet::Entity>(tx, "", "ipv6_subnets", &of_subnet, &new).await
        })
    });
    filled.await.unwrap();
    if !world.ctx.store.is_postgres() {
        return;
    }
    // What its autovacuum does in the minutes after. Nothing analyses SQLite, neither here nor in service.
    let analysed = world
        .ctx
        .store
        .write_tx::<_, StoreError>(|tx| Box::pin(async move { Ok(tx.execute_unprepared("ANALYZE").await.map(drop)?) }));
    analysed.await.unwrap();
}

async fn tx_number(tx: &Tx, sql: &str) -> Result<i64, StoreError> {
    let statement = sea_orm::Statement::from_string(tx.get_database_backend(), sql);
    let row = tx.query_one_raw(statement).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get_by_index(0))?)
}

/// Rows like `o`, with other values in some columns.
async fn copy<E: EntityTrait>(
    tx: &Tx,
    with: &str,
    table: &str,
    other: &[(&str, &str)],
    from: &str,
) -> Result<(), StoreError> {
    let names: Vec<String> =
        E::Column::iter().map(|column| Iden::to_string(&column)).filter(|name| name != "id").collect();
    let value = |name: &String| match other.iter().find(|(column, _)| column == name) {
        Some((_, value)) => (*value).to_owned(),
        None => format!("o.{name}"),
    };
    let values: Vec<String> = names.iter().map(value).collect();
    let sql = format!(
        "{with} INSERT INTO {table} ({}) SELECT {} FROM {table} o, {from}",
        names.join(", "),
        values.join(", ")
    );
    tx.execute_unprepared(&sql).await?;
    Ok(())
}
