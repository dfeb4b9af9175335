//! One order: from the names to a certificate for them.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use zeroize::Zeroizing;

use super::challenges::Challenges;
use super::failure::Failure;
use crate::config::Challenge;

/// How long the authority may look whether the names are ours, and then sign; it is asked after 250 ms, 500 ms and so
/// on, or when it says.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(180));

/// The chain and the key, PEM, the certificate itself first.
pub(super) async fn order(
    account: &Account,
    names: &[Box<str>],
    challenge: Challenge,
    challenges: &Challenges,
) -> Result<Zeroizing<String>, Failure> {
    let names: Vec<_> = names.iter().map(|name| Identifier::Dns(name.to_string())).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    let opened = challenges.of_an_order();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Pending => {}
            AuthorizationStatus::Valid => continue, // it looked not long ago
            status => return Err(Failure::Refused(format!("an authorization is {status:?} at once"))),
        }
        let offered = authorization.challenge(kind(challenge));
        let mut offered =
            offered.ok_or_else(|| Failure::Refused(format!("it does not offer the challenge {challenge}")))?;
        let name = offered.identifier().to_string();
        opened.open(challenge, &name, &offered.token, &offered.key_authorization())?;
        offered.set_ready().await?;
    }
    let told = match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Ready) => None,
        Ok(_) => Some(Failure::Refused("it does not say why".to_owned())),
        Err(Error::Api(problem)) => Some(Failure::of_problem(&problem)),
        Err(error) => return Err(error.into()),
    };
    if let Some(told) = told {
        return Err(found(&mut order).await.unwrap_or(told));
    }
    drop(opened);
    let key = Zeroizing::new(order.finalize().await?);
    let mut pem = Zeroizing::new(order.poll_certificate(&PATIENCE).await?);
    if !pem.ends_with('\n') {
        pem.push('\n');
    }
    pem.push_str(&key);
    Ok(pem)
}

fn kind(challenge: Challenge) -> ChallengeType {
    match challenge {
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        Challenge::Http01 => ChallengeType::Http01,
    }
}

/// What the authority found when it looked, and for which name: it says so with the challenge, if anywhere.
async fn found(order: &mut Order) -> Option<Failure> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            break;
        }
        let name = authorization.identifier().to_string();
        let problem = authorization.challenges.iter().find_map(|tried| tried.error.as_ref());
        if let Some(Failure::Refused(why)) = problem.map(Failure::of_problem) {
            return Some(Failure::Refused(format!("{name}: {why}")));
        }
    }
    None
}
