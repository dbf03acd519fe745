//! SSH keys. A key ends up in `authorized_keys` of a guest, so it is read and written anew, never passed on as it came.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use berth_api::v1::ssh_key::CreateSshKey;
use berth_store::{
    audit,
    entity::ssh_key as entity,
    ssh_key::{self, NewKey},
    user,
};
use serde_json::json;

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

const KEY_LIMIT_BYTES: usize = 16 << 10;
const RSA_LEAST_BITS: usize = 2048;
/// OpenSSH's names of public keys.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

pub async fn create(ctx: &Context, actor: &Actor, input: CreateSshKey) -> Result<entity::Model, Error> {
    actor.require(Ability::Write)?;
    let mut errors = Vec::new();
    let name = input.name.unwrap_or_default();
    rules::text(&mut errors, "name", &name, 1, 191);
    let key = parse(input.public_key.as_deref().unwrap_or_default());
    if let Err(why) = &key {
        errors.push(format!("The publicKey is not valid: {why}."));
    }
    let owner = match input.user_id {
        Some(id) => user::by_id(ctx.store.read(), id).await?,
        None => None,
    };
    if owner.is_none() {
        errors.push("The userId must be the id of a user.".to_owned());
    }
    rules::done(errors)?;
    let (Ok(key), Some(owner)) = (key, owner) else { return Err(Error::invalid("The key is not valid.")) };
    let (uuid, now) = (ctx.rng.uuid(), ctx.now());
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, name, key) = (actor.clone(), name.trim().to_owned(), key.clone());
            Box::pin(async move {
                let new =
                    NewKey { uuid, user_id: owner.id, name, key_type: key.kind.clone(), public_key: key.line(), now };
                let row = ssh_key::insert(tx, new).await?;
                let after = json!({ "name": row.name, "userId": row.user_id, "type": row.key_type });
                audit::record(tx, entry(&actor, now, "create_ssh_key", ("ssh_key", row.id), None, Some(after))).await?;
                Ok(row)
            })
        })
        .await
}

pub async fn delete(ctx: &Context, actor: &Actor, id: i64) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let row = ssh_key::by_id(tx, id).await?.ok_or(Error::NotFound("ssh key"))?;
                ssh_key::delete(tx, id).await?;
                let before = json!({ "name": row.name, "userId": row.user_id });
                audit::record(tx, entry(&actor, now, "delete_ssh_key", ("ssh_key", id), Some(before), None)).await?;
                Ok(())
            })
        })
        .await
}

/// A public key that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    pub kind: String,
    blob: Vec<u8>,
    comment: String,
}

impl PublicKey {
    /// One line of `authorized_keys`, without options.
    pub fn line(&self) -> String {
        let line = format!("{} {} {}", self.kind, BASE64.encode(&self.blob), self.comment);
        line.trim_end().to_owned()
    }
}

/// Reads one line of `authorized_keys` without options (sshd(8), RFC 4253 section 6.6).
pub fn parse(text: &str) -> Result<PublicKey, String> {
    if text.len() > KEY_LIMIT_BYTES {
        return Err(format!("it is longer than {KEY_LIMIT_BYTES} bytes"));
    }
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err("it must be one line".to_owned());
    }
    let mut words = text.splitn(3, ' ');
    let kind = words.next().unwrap_or_default();
    if !KINDS.contains(&kind) {
        return Err(format!("it must begin with one of {}", KINDS.join(", ")));
    }
    let blob = BASE64.decode(words.next().unwrap_or_default()).map_err(|_| "its second word is not base64")?;
    let fields = fields(&blob).ok_or("its content is cut off")?;
    if fields.first().is_none_or(|first| *first != kind.as_bytes()) {
        return Err("its content is of another type than it says".to_owned());
    }
    check_content(kind, &fields)?;
    // A comment is for people; what could end a quoted string in a guest's files is left out.
    let comment: String =
        words.next().unwrap_or_default().chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(191).collect();
    Ok(PublicKey { kind: kind.to_owned(), blob, comment: comment.replace(['"', '\'', '\\', '`', '$'], "") })
}

fn check_content(kind: &str, fields: &[&[u8]]) -> Result<(), String> {
    let lengths: Vec<usize> = fields.iter().map(|field| field.len()).collect();
    let sound = match kind {
        "ssh-ed25519" => lengths.get(1) == Some(&32) && lengths.len() == 2,
        "sk-ssh-ed25519@openssh.com" => lengths.get(1) == Some(&32) && lengths.len() == 3,
        "ssh-rsa" => {
            let bits = fields.get(2).map_or(0, |modulus| modulus.iter().skip_while(|byte| **byte == 0).count() * 8);
            if bits > 0 && bits < RSA_LEAST_BITS {
                return Err(format!("RSA keys have at least {RSA_LEAST_BITS} bits, this one has {bits}"));
            }
            lengths.len() == 3 && bits > 0
        }
        _ => lengths.len() >= 3 && lengths.get(2).is_some_and(|length| *length >= 33),
    };
    if sound { Ok(()) } else { Err("its content is not a key of that type".to_owned()) }
}

/// Strings with their lengths before them, as SSH writes them (RFC 4251 section 5).
fn fields(mut blob: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while !blob.is_empty() {
        let (length, rest) = blob.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (field, rest) = rest.split_at_checked(length)?;
        fields.push(field);
        blob = rest;
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p";

    #[test]
    fn a_key_is_written_as_it_was_read() {
        assert_eq!(parse(&format!(" {ED25519} jon@doe \n")).unwrap().line(), format!("{ED25519} jon@doe"));
        assert_eq!(parse(ED25519).unwrap().line(), ED25519);
    }

    #[test]
    fn t02_hostile_texts_are_refused_or_lose_what_is_hostile() {
        let options = format!("command=\"reboot\" {ED25519}");
        let two_lines = format!("{ED25519} a\nssh-rsa AAAA");
        for text in
            ["", "hello", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-rsa AAAAC3NzaC1lZDI1NTE5", &options, &two_lines]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse(&format!("ssh-ed25519 {}", "A".repeat(1 << 20))).is_err());
        let quoted = parse(&format!("{ED25519} a\"b'`$(reboot)")).unwrap();
        assert!(!quoted.line().contains(['"', '\'', '`', '$']));
    }
}
