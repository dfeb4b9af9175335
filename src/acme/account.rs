//! The account with an authority: made once, and kept.

use std::sync::Arc;

use instant_acme::{Account, NewAccount};
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::failure::Failure;
use super::{Errand, Folder};

/// As it lies in the folder.
#[derive(Deserialize, Serialize)]
struct Kept {
    /// The address that the authority was given.
    contact: Option<String>,
    /// The library's own, the private key among them.
    credentials: serde_json::Value,
}

/// The account that is kept, or else a new one. The authority is told of a contact that has changed.
pub(super) async fn account(errand: &Errand) -> Result<Account, Failure> {
    let Errand {
        settings,
        folder,
        trust,
    } = errand;
    let builder = Account::builder_with_http(Box::new(Client(Arc::clone(trust))));
    let address = settings.contact.as_ref().map(|address| format!("mailto:{address}"));
    let contact: Vec<_> = address.iter().map(String::as_str).collect();
    let Some(mut kept) = folder.account::<Kept>()? else {
        let wanted = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true, // or there would be no settings
            only_return_existing: false,
        };
        let (account, credentials) = builder.create(&wanted, settings.directory.clone(), None).await?;
        let credentials = serde_json::to_value(credentials).map_err(std::io::Error::from)?;
        keep(folder, settings.contact.clone(), credentials)?;
        tracing::info!("an account was made at {}", settings.directory);
        return Ok(account);
    };
    let credentials = serde_json::from_value(kept.credentials.clone()).map_err(std::io::Error::from)?;
    let account = builder.from_credentials(credentials).await?;
    if kept.contact != settings.contact {
        account.update_contacts(&contact).await?;
        kept.contact.clone_from(&settings.contact);
        folder.keep_account(&kept)?;
    }
    Ok(account)
}

fn keep(folder: &Folder, contact: Option<String>, credentials: serde_json::Value) -> Result<(), Failure> {
    Ok(folder.keep_account(&Kept { contact, credentials })?)
}
