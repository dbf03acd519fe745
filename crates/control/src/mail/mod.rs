//! Mail to people. What is to be told is written in the transaction of what it tells (an outbox), and handed to the
//! operator's mail server afterwards, at least once.
//!
//! Without a mail server nothing is written: whoever runs Berth without one tells people otherwise.

mod deliver;
mod letter;

use anyhow::Context as _;
use berth_store::{Micros, Tx, entity::user, mail};
use lettre::{AsyncSmtpTransport, Tokio1Executor, message::Mailbox};
use uuid::Uuid;

use crate::{Context, Error, config::Config};

pub use deliver::{deliver_due, run};
pub use letter::Letter;

const TABLE: &str = "mails";
const COLUMN: &str = "body_enc";

/// Where mail is handed over, and whom it is from.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// What links begin with. Never what a request named: links with secrets in them would lead where the asker likes.
    public_url: String,
}

impl Mailer {
    /// None where the configuration names no mail server.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(url) = &config.mail_url else { return Ok(None) };
        let from =
            config.mail_from.as_deref().context("mail_url needs mail_from, as in `Example <noreply@example.com>`")?;
        let public_url = config.public_url.as_deref().context("mail_url needs public_url, which links begin with")?;
        Ok(Some(Self {
            transport: AsyncSmtpTransport::<Tokio1Executor>::from_url(url).context("mail_url")?.build(),
            from: from.parse().context("mail_from")?,
            public_url: public_url.trim_end_matches('/').to_owned(),
        }))
    }
}

/// A letter that is to be written: everything random and sealed is made before the transaction.
#[derive(Clone, Debug)]
pub struct Draft {
    uuid: Uuid,
    kind: &'static str,
    subject: String,
    body_enc: String,
}

/// A draft in the reader's language; none where there is no mail server.
pub fn draft(ctx: &Context, letter: &Letter, language: &str) -> Result<Option<Draft>, Error> {
    let Some(mailer) = &ctx.mailer else { return Ok(None) };
    let (uuid, (subject, body)) = (ctx.rng.uuid(), letter.written(&mailer.public_url, language)?);
    Ok(Some(Draft { uuid, kind: letter.kind(), subject, body_enc: ctx.seal(TABLE, COLUMN, uuid, &body) }))
}

/// Puts a draft into the outbox, for the user's address as it is now.
pub async fn post(tx: &Tx, draft: Option<Draft>, to: &user::Model, now: Micros) -> Result<(), Error> {
    let Some(Draft { uuid, kind, subject, body_enc }) = draft else { return Ok(()) };
    let recipient = to.email.clone();
    mail::insert(tx, mail::NewMail { uuid, user_id: to.id, kind, recipient, subject, body_enc, now }).await?;
    Ok(())
}
