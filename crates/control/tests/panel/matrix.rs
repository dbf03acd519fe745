//! Who may do what, as a page that people read and as cells that a running server is held against. Rows come from the
//! served document, cells from what each operation takes: never from what a server answered.

use std::{fmt::Write as _, path::PathBuf};

use berth_control::{permissions::ROLES, rights::Right};
use serde_json::Value;

/// Set to write the page anew.
const REWRITE: &str = "BERTH_REWRITE_ACCESS";
/// As they stand in the page; what changes less comes first.
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Neither logged in nor with a token that is any.
    Nobody,
    Owner,
    /// Who the server is shared with, with this right alone.
    Guest(Right),
    Stranger,
    /// Somebody whose account is suspended and whom the server is shared with, with every right.
    Suspended,
    /// A member of staff at the door of customers, by the role's name.
    Staff(&'static str),
    /// The owner, in a session or with a token of before, while the account is suspended.
    SuspendedOwner,
    /// The owner's browser, led by a page of another site.
    OtherSite,
    /// The owner's token with every scope but the one that it takes.
    NoScope,
}

impl Who {
    /// Everybody whom both doors know, `Nobody` first.
    pub fn everybody() -> Vec<Who> {
        let guests = Right::ALL.into_iter().map(Who::Guest);
        let staff = ROLES.into_iter().map(|(_, name, _)| Who::Staff(name));
        let first = [Who::Nobody, Who::Owner].into_iter().chain(guests);
        first.chain([Who::Stranger, Who::Suspended]).chain(staff).collect()
    }

    pub fn title(self) -> String {
        match self {
            Who::Nobody => "nobody".to_owned(),
            Who::Owner => "owner".to_owned(),
            Who::Guest(right) => format!("shared: {}", right.name()),
            Who::Stranger => "stranger".to_owned(),
            Who::Suspended => "suspended".to_owned(),
            Who::Staff(role) => format!("staff: {role}"),
            Who::SuspendedOwner => "owner, suspended".to_owned(),
            Who::OtherSite => "other site".to_owned(),
            Who::NoScope => "no scope".to_owned(),
        }
    }

    /// The local part of an address.
    pub fn account(self) -> &'static str {
        match self {
            Who::Nobody => "nobody",
            Who::Owner | Who::SuspendedOwner | Who::OtherSite | Who::NoScope => "jon",
            Who::Guest(right) => right.name(),
            Who::Stranger => "stranger",
            Who::Suspended => "suspended",
            Who::Staff(role) => role,
        }
    }
}

/// What an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Anybody may.
    Nothing,
    /// A link that was mailed, whoever holds it.
    Link,
    /// The password of an account that is let in.
    Password,
    /// A passkey of an account that is let in.
    Passkey,
    /// To have come from another site, to an account with a second factor. Nobody here has.
    Arrival,
    /// To be somebody of the staff whom the provider knows.
    Provider,
    /// To be somebody: it is about oneself.
    Login,
    /// To be let create servers.
    SelfService,
    /// To be whose thing it is.
    Own,
    /// A right at the server.
    Right(Right),
    /// To be the server's owner.
    Ownership,
    /// That the server is shared with one.
    Share,
}

impl Takes {
    pub fn words(self) -> &'static str {
        match self {
            Takes::Nothing => "nothing",
            Takes::Link => "a mailed link",
            Takes::Password => "a password",
            Takes::Passkey => "a passkey",
            Takes::Arrival => "an arrival",
            Takes::Provider => "the provider",
            Takes::Login => "a login",
            Takes::SelfService => "self service",
            Takes::Own => "one's own",
            Takes::Right(right) => right.name(),
            Takes::Ownership => "ownership",
            Takes::Share => "a share",
        }
    }

    /// Which status somebody gets, where `success` is what the document promises.
    pub fn expects(self, who: Who, operation: &Operation) -> u16 {
        let success = operation.success;
        match (self, who) {
            (_, Who::OtherSite) if operation.method != "GET" => 403,
            (_, Who::OtherSite) => self.expects(Who::Owner, operation),
            (Takes::Nothing | Takes::Link, _) => success,
            (_, Who::Nobody | Who::Suspended | Who::SuspendedOwner) | (Takes::Arrival, _) => 401,
            (Takes::Password | Takes::Passkey | Takes::Login, _) | (Takes::Provider, Who::Staff(_)) => success,
            (Takes::Provider, _) => 404,
            (Takes::Share, Who::Owner) => 404,
            (_, Who::Owner) => success,
            (Takes::SelfService, _) => 422,
            (Takes::Share | Takes::Right(Right::View), Who::Guest(_)) => success,
            (Takes::Right(wanted), Who::Guest(right)) if right == wanted => success,
            (Takes::Right(_), Who::Guest(_)) => 403,
            _ => 404,
        }
    }
}

/// An operation of the served document.
#[derive(Clone, Debug)]
pub struct Operation {
    pub method: String,
    pub path: String,
    /// The 2xx that the document promises.
    pub success: u16,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// All of a document, by path and method.
    pub fn all(document: &Value) -> Vec<Operation> {
        let mut found = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, described) in item.as_object().unwrap() {
                let statuses = described["responses"].as_object().unwrap().keys();
                let mut good = statuses.filter(|status| status.starts_with('2'));
                let success = good.next().unwrap_or_else(|| panic!("{method} {path} never succeeds"));
                assert!(good.next().is_none(), "{method} {path} succeeds in two ways");
                let success = success.parse().unwrap();
                found.push(Operation { method: method.to_uppercase(), path: path.clone(), success });
            }
        }
        let place = |method: &str| METHODS.iter().position(|known| *known == method).unwrap();
        found.sort_by(|one, other| (&one.path, place(&one.method)).cmp(&(&other.path, place(&other.method))));
        found
    }
}

pub struct Row {
    pub operation: Operation,
    pub takes: String,
    /// One for each column.
    pub cells: Vec<u16>,
}

pub struct Matrix {
    /// Below `docs/`.
    pub file: &'static str,
    pub head: &'static str,
    pub columns: Vec<Who>,
    pub rows: Vec<Row>,
}

impl Matrix {
    fn path(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(self.file)
    }

    fn titles(&self) -> Vec<String> {
        let first = ["operation", "takes"].map(str::to_owned);
        first.into_iter().chain(self.columns.iter().map(|who| who.title())).collect()
    }

    /// The page, its columns in line.
    pub fn page(&self) -> String {
        let mut lines = vec![self.titles()];
        for Row { operation, takes, cells } in &self.rows {
            let first = [format!("`{}`", operation.name()), takes.clone()];
            lines.push(first.into_iter().chain(cells.iter().map(u16::to_string)).collect());
        }
        let widths: Vec<usize> =
            (0..lines[0].len()).map(|n| lines.iter().map(|line| line[n].len()).max().unwrap()).collect();
        lines.insert(1, widths.iter().map(|width| "-".repeat(*width)).collect());
        let mut page = self.head.to_owned();
        for line in lines {
            let cells: String = line.iter().zip(&widths).map(|(cell, &width)| format!(" {cell:width$} |")).collect();
            let _ = writeln!(page, "|{cells}");
        }
        page
    }

    /// Fails where the committed page says something else.
    pub fn hold_page(&self) {
        let made = self.page();
        if std::env::var_os(REWRITE).is_some() {
            std::fs::write(self.path(), &made).unwrap();
        }
        let committed = std::fs::read_to_string(self.path()).unwrap_or_default();
        let file = self.file;
        assert!(committed == made, "docs/{file} is out of date: run this test with {REWRITE}=1, and read what changes");
    }

    /// What the committed page says of each operation that is served.
    pub fn committed(&self) -> Vec<(Operation, Cells)> {
        let page = std::fs::read_to_string(self.path()).unwrap_or_default();
        let mut lines: Vec<Vec<&str>> = page.lines().filter(|line| line.starts_with('|')).map(cells_of).collect();
        assert!(!lines.is_empty() && lines[0] == self.titles(), "docs/{} has other columns", self.file);
        let mut found = Vec::new();
        for Row { operation, .. } in &self.rows {
            let name = format!("`{}`", operation.name());
            let line = lines.iter().position(|line| line[0] == name);
            let line = lines.remove(line.unwrap_or_else(|| panic!("docs/{} lacks {name}", self.file)));
            let cells = line[2..].iter().map(|cell| cell.parse().unwrap());
            found.push((operation.clone(), self.columns.iter().copied().zip(cells).collect()));
        }
        assert_eq!(
            lines.len(),
            2,
            "nothing answers to {:?}",
            lines[2..].iter().map(|line| line[0]).collect::<Vec<_>>()
        );
        found
    }
}

fn cells_of(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// Who asks, and with which status they are answered.
pub type Cells = Vec<(Who, u16)>;

/// The order to ask in: first who is refused, so that nothing has changed by then, and the owner at the end, who may
/// remove the thing.
pub fn in_turn(cells: Cells) -> (Cells, Cells) {
    let (refused, mut served): (Vec<_>, Vec<_>) = cells.into_iter().partition(|(_, status)| *status >= 400);
    served.sort_by_key(|(who, _)| *who == Who::Owner);
    (refused, served)
}
