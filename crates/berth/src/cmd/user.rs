//! `berth user`: the people who own servers, and staff.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct UserArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List users
    List {
        /// Part of the name, the e-mail address or the relation, or the whole number of the relation
        #[arg(long)]
        search: Option<String>,
    },
    /// Create a user; the password is shown once
    Create {
        #[arg(long)]
        name: String,
        #[arg(long)]
        email: String,
        /// The user's number in the shop
        #[arg(long)]
        ext_relation: Option<i64>,
        /// The same as a text
        #[arg(long, conflicts_with = "ext_relation")]
        relation: Option<String>,
        /// IANA name, such as Europe/London, that the user's guests are given; by default UTC
        #[arg(long)]
        timezone: Option<String>,
        /// Tag of the language that the panel is shown in, such as de or pt-BR; by default en
        #[arg(long)]
        language: Option<String>,
    },
    /// Show one user
    Show(Whose),
    /// Delete a user who has no servers
    Delete(Whose),
    /// Give a user a role among staff, or take it away
    Role {
        /// The user's e-mail address
        email: String,
        /// `customer` takes it away
        #[arg(value_parser = ["owner", "admin", "support", "read-only", "customer"])]
        role: String,
    },
}

/// One user: by the relation, by the id that `berth user list` shows, or by the address.
#[derive(Debug, Args)]
struct Whose {
    /// The user's relation in the shop
    #[arg(required_unless_present_any = ["id", "email"])]
    relation: Option<String>,
    /// The relation is a text, even if it looks like a number
    #[arg(long, requires = "relation")]
    text: bool,
    /// The user's id, also of one who has no relation
    #[arg(long, conflicts_with_all = ["relation", "email"])]
    id: Option<i64>,
    /// The user's e-mail address
    #[arg(long, conflicts_with = "relation")]
    email: Option<String>,
}

impl Whose {
    /// Where the API has this user, and how the query says what the path holds.
    async fn place(self, client: &Client) -> anyhow::Result<(String, Vec<(&'static str, &'static str)>)> {
        let Self { relation, text, id, email } = self;
        if let Some(relation) = relation {
            let relation = Relation { relation, text };
            return Ok((relation.path(), relation.query().to_vec()));
        }
        let id = match email {
            Some(email) => by_email(client, &email).await?["id"].take(),
            None => Value::from(id),
        };
        Ok((format!("/users/{id}"), Vec::new()))
    }
}

async fn by_email(client: &Client, email: &str) -> anyhow::Result<Value> {
    let found = client.list("/users", &[("email", email)]).await?;
    found.into_iter().next().with_context(|| format!("There is no user with the address {email}."))
}

/// How the API names a user: by the shop's relation.
#[derive(Debug, Args)]
pub(super) struct Relation {
    /// The user's relation in the shop
    relation: String,
    /// The relation is a text, even if it looks like a number
    #[arg(long)]
    text: bool,
}

impl Relation {
    pub(super) fn query(&self) -> [(&'static str, &'static str); 1] {
        let text = self.text || self.relation.parse::<i64>().is_err();
        [("relStr", if text { "true" } else { "false" })]
    }

    fn path(&self) -> String {
        format!("/users/{}/byExtRelation", self.segment())
    }

    /// Of a path.
    pub(super) fn segment(&self) -> String {
        segment(&self.relation)
    }
}

const COLUMNS: [Column; 6] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("EMAIL", "email"),
    column("RELATION", "relation"),
    column("ROLE", "role"),
    column("SUSPENDED", "suspended"),
];

const FIELDS: [Column; 8] = [
    column("Id", "id"),
    column("Name", "name"),
    column("E-mail", "email"),
    column("Relation", "relation"),
    column("Role", "role"),
    column("Suspended", "suspended"),
    column("Created", "created"),
    column("Password", "password"),
];

pub async fn run(args: UserArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let printed = match args.command {
        Command::List { search } => {
            let query: Vec<_> = search.iter().map(|text| ("search", text.as_str())).collect();
            let users = client.list("/users", &query).await?;
            match format {
                Format::Json => format.rows(&COLUMNS, &users),
                Format::Table => format.rows(&COLUMNS, &users.into_iter().map(with_relation).collect::<Vec<_>>()),
            }
        }
        Command::Create { name, email, ext_relation, relation, timezone, language } => {
            let mut body = json!({"name": name, "email": email, "sendMail": false});
            if let Some(number) = ext_relation {
                body["extRelationId"] = Value::from(number);
            }
            if let Some(text) = relation {
                body["relStr"] = Value::from(text);
            }
            if let Some(zone) = timezone {
                body["timezone"] = Value::from(zone);
            }
            if let Some(tag) = language {
                body["language"] = Value::from(tag);
            }
            one(format, client.post("/users", &body).await?["data"].take())
        }
        Command::Show(whose) => {
            let (path, query) = whose.place(&client).await?;
            one(format, client.get_with(&path, &query).await?["data"].take())
        }
        Command::Delete(whose) => {
            let (path, query) = whose.place(&client).await?;
            let answer = client.delete(&path, &query).await?;
            format.done("The user is deleted.", &answer)
        }
        Command::Role { email, role } => {
            let user = by_email(&client, &email).await?;
            let path = format!("/users/{}/role", user["id"]);
            one(format, client.put(&path, &json!({ "role": role })).await?["data"].take())
        }
    };
    print!("{printed}");
    Ok(())
}

fn one(format: Format, user: Value) -> String {
    match format {
        Format::Json => format.fields(&FIELDS, &user),
        Format::Table => format.fields(&FIELDS, &with_relation(user)),
    }
}

/// A user has a number or a text as relation, or none; the API says 0 where it is no number.
fn with_relation(mut user: Value) -> Value {
    user["relation"] = match user["extRelationId"].take() {
        number if number.as_i64().is_some_and(|number| number != 0) => number,
        _ => user["relStr"].take(),
    };
    user
}

/// One segment of a path, so that a slash in a relation stays in it.
fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_stays_one_segment_of_the_path() {
        assert_eq!(segment("a/b ü"), "a%2Fb%20%C3%BC");
    }
}
