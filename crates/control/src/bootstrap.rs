//! The first administrator and the first token, which no request can make because it would need one.

use berth_store::{
    api_token::{self, NewToken},
    audit::{self, NewEntry},
    user::{self, NewUser},
};

use crate::{Context, Error, actions::passwords, http::auth};

/// What the first start shows once.
pub struct FirstAdmin {
    pub email: String,
    pub password: String,
    pub token: String,
}

/// Makes the administrator and a token with every ability, unless there is an administrator already.
pub async fn first_admin(ctx: &Context, email: &str) -> Result<Option<FirstAdmin>, Error> {
    if user::any_admin(ctx.store.read()).await? {
        return Ok(None);
    }
    let (password, token) = (ctx.rng.letters_and_digits(20), auth::new_token(ctx.rng.as_ref()));
    let (now, password_hash) = (ctx.now(), passwords::hash(ctx, &password).await?);
    let (user_uuid, token_uuid) = (ctx.rng.uuid(), ctx.rng.uuid());
    let token_hash = auth::hash_token(&token);
    let made = ctx
        .store
        .write_tx::<_, Error>(|tx| {
            let (email, password_hash, token_hash) = (email.to_owned(), password_hash.clone(), token_hash.clone());
            Box::pin(async move {
                if user::any_admin(tx).await? {
                    return Ok(false);
                }
                let new =
                    NewUser { admin: true, ..NewUser::plain(user_uuid, "Administrator", &email, password_hash, now) };
                let admin = user::insert(tx, new).await?;
                let new = NewToken {
                    uuid: token_uuid,
                    user_id: admin.id,
                    name: "first token".to_owned(),
                    token_hash,
                    abilities: vec!["*".to_owned()],
                    allow_list: Vec::new(),
                    expires_at: None,
                    now,
                };
                let token = api_token::insert(tx, new).await?;
                audit::record(tx, NewEntry::system(now, "first_admin", "user", admin.id)).await?;
                audit::record(tx, NewEntry::system(now, "create_token", "token", token.id)).await?;
                Ok(true)
            })
        })
        .await?;
    Ok(made.then(|| FirstAdmin { email: email.to_owned(), password, token }))
}
