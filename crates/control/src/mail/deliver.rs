//! Hands what is in the outbox to the mail server. Whichever control server claims a letter sends it; one that dies
//! meanwhile leaves it to be sent again.

use std::time::Duration;

use berth_store::{Micros, entity::mail as entity, mail, user};
use lettre::{AsyncTransport, Message, message::header::ContentType};
use tokio_util::sync::CancellationToken;

use super::{COLUMN, Mailer, TABLE};
use crate::{
    Context, Error,
    clock::{MINUTE, SECOND},
};

const LOOK: Duration = Duration::from_secs(1);
/// Letters that one look takes.
const AT_ONCE: u64 = 20;
/// How long one that took a letter has for it.
const CLAIM: Micros = 2 * MINUTE;
const SEND_LIMIT: Duration = Duration::from_secs(60);
/// Waits after each attempt that failed, some two days in all; then it is given up.
const PAUSES: [Micros; 9] = [
    10 * SECOND,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    60 * MINUTE,
    3 * 60 * MINUTE,
    6 * 60 * MINUTE,
    12 * 60 * MINUTE,
    24 * 60 * MINUTE,
];
/// What is kept of a mail server's words.
const ERROR_CHARS: usize = 500;

pub async fn run(ctx: Context, shutdown: CancellationToken) {
    if ctx.mailer.is_none() {
        return;
    }
    loop {
        if let Err(error) = deliver_due(&ctx).await {
            tracing::warn!(%error, "mail was not looked after; that is tried again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Tries every letter whose time has come.
pub async fn deliver_due(ctx: &Context) -> Result<(), Error> {
    let Some(mailer) = ctx.mailer.clone() else { return Ok(()) };
    for letter in mail::due(ctx.store.read(), ctx.now(), AT_ONCE).await? {
        let until = ctx.now() + CLAIM;
        let claimed = ctx.store.write_tx::<_, Error>(|tx| {
            let letter = letter.clone();
            Box::pin(async move { Ok(mail::claim(tx, &letter, until).await?) })
        });
        if claimed.await? {
            deliver(ctx, &mailer, letter).await?;
        }
    }
    Ok(())
}

async fn deliver(ctx: &Context, mailer: &Mailer, letter: entity::Model) -> Result<(), Error> {
    let (id, attempt) = (letter.id, usize::try_from(letter.attempts).unwrap_or(0));
    let outcome = match tokio::time::timeout(SEND_LIMIT, send(ctx, mailer, &letter)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::again("The mail server took too long.".to_owned())),
    };
    let now = ctx.now();
    let written = ctx.store.write_tx::<_, Error>(|tx| {
        let outcome = outcome.clone();
        Box::pin(async move {
            match outcome {
                Ok(()) => mail::sent(tx, id, now).await?,
                Err(Failure { why, is_final }) => {
                    let pause = PAUSES.get(attempt).filter(|_| !is_final);
                    mail::failed(tx, id, &why, pause.map(|pause| now + pause)).await?;
                }
            }
            Ok(())
        })
    });
    written.await?;
    match outcome {
        Ok(()) => tracing::info!(mail = id, kind = letter.kind, "mail was sent"),
        Err(Failure { why, .. }) => tracing::warn!(mail = id, kind = letter.kind, attempt, why, "mail was not sent"),
    }
    Ok(())
}

#[derive(Clone)]
struct Failure {
    why: String,
    is_final: bool,
}

impl Failure {
    fn again(why: String) -> Self {
        Self { why: why.chars().take(ERROR_CHARS).collect(), is_final: false }
    }

    fn for_good(why: String) -> Self {
        Self { is_final: true, ..Self::again(why) }
    }
}

async fn send(ctx: &Context, mailer: &Mailer, letter: &entity::Model) -> Result<(), Failure> {
    let message = written(ctx, mailer, letter).await.map_err(|error| Failure::for_good(error.to_string()))?;
    mailer.transport.send(message).await.map(drop).map_err(|error| {
        let why = format!("The mail server did not take it: {error}");
        if error.is_permanent() { Failure::for_good(why) } else { Failure::again(why) }
    })
}

async fn written(ctx: &Context, mailer: &Mailer, letter: &entity::Model) -> anyhow::Result<Message> {
    let sealed = letter.body_enc.as_deref().unwrap_or_default();
    let body = ctx.open(TABLE, COLUMN, letter.uuid, sealed)?;
    let name = user::by_id(ctx.store.read(), letter.user_id).await?.map(|user| user.name);
    let to = lettre::message::Mailbox::new(name, letter.recipient.parse()?);
    // The same in every attempt, so that whoever gets it twice sees it once.
    let domain = mailer.from.email.domain();
    Ok(Message::builder()
        .from(mailer.from.clone())
        .to(to)
        .subject(&letter.subject)
        .message_id(Some(format!("<{}@{domain}>", letter.uuid)))
        .header(ContentType::TEXT_PLAIN)
        .body(body)?)
}
