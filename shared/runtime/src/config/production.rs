//! The guard against development passwords in production.

use super::section::split_userinfo;

/// A password that everybody knows, in production.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("amqp.url uses the development password of the user {user}, and WARRENER_ENV is production")]
pub struct DevelopmentPassword {
    /// The broker's user.
    pub user: String,
}

impl DevelopmentPassword {
    /// Remedy, for a person.
    pub const HINT: &'static str = "run `make secrets`, which compose then uses; without compose give \
         the broker passwords of your own and set WARRENER_AMQP__URL_FILE or WARRENER_AMQP__PASSWORD_FILE; \
         or unset WARRENER_ENV if this is no production system";
}

/// Refuses the passwords that the shipped set-up starts with. `address` is the full URL of the broker.
///
/// # Errors
/// [`DevelopmentPassword`] if the password is the name of one of the shipped users, or of `guest`.
pub fn refuse_development_password(address: &str) -> Result<(), DevelopmentPassword> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (_, user, password) = split_userinfo(rest);
    if user == password && SHIPPED.contains(&user) {
        return Err(DevelopmentPassword { user: user.to_owned() });
    }
    Ok(())
}

/// The users of the shipped definitions, whose passwords are their names until `make secrets`.
const SHIPPED: &[&str] = &["orchestrator", "worker", "client", "rpc", "monitor", "guest"];
