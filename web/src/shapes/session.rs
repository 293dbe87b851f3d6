//! Signing in, staying signed in, and who one is.

use super::accounts::Role;
use super::telephony::ExtensionType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The address the account is known by.
    #[schema(example = "asha@demo.local")]
    pub email: String,
    /// The password.
    #[schema(format = Password)]
    pub password: String,
    /// One-time code where the account has one set up.
    pub otp: Option<String>,
}

/// Exchange of a refresh token, good once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// As given by the last sign-in or refresh.
    pub refresh_token: String,
}

/// Which session ends beside the one of the access token; may be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoutRequest {
    /// A refresh token of the session.
    pub refresh_token: Option<String>,
}

/// Tokens of a session.
#[derive(Serialize, ToSchema)]
pub struct Tokens {
    /// Bearer token for the `Authorization` header; 15 minutes.
    pub access_token: String,
    /// Good for one refresh within 7 days. Used twice, the whole session ends.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    pub expires_in: u64,
    /// Who signed in.
    pub user: Me,
}

/// The tenant one belongs to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MyTenant {
    /// Id.
    pub id: Uuid,
    /// Short name in addresses and paths.
    pub slug: String,
    /// Name shown.
    pub name: String,
    /// IANA zone that days and calling hours follow.
    #[schema(example = "Asia/Kolkata")]
    pub timezone: String,
}

/// One's own extension.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MyExtension {
    /// Id.
    pub id: Uuid,
    /// As dialled inside.
    #[schema(example = "101")]
    pub number: String,
    /// What stands behind it.
    #[serde(rename = "type")]
    pub kind: ExtensionType,
    /// Shown name.
    pub name: String,
    /// A phone is registered for it at this moment.
    pub registered: bool,
}

/// Who one is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Me {
    /// User id.
    pub id: Uuid,
    /// Sign-in address.
    pub email: String,
    /// Name shown.
    pub name: String,
    /// What one may do.
    pub role: Role,
    /// Language of the screens: `en` or `hi`.
    pub language: String,
    /// Where one belongs.
    pub tenant: MyTenant,
    /// One's phone; `null` for people who make no calls.
    pub extension: Option<MyExtension>,
}

/// Change of one's own profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeChange {
    /// Name shown.
    pub name: Option<String>,
    /// `en` or `hi`.
    pub language: Option<String>,
}

/// Change of one's own password. All other sessions end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The one in use.
    #[schema(format = Password)]
    pub current_password: String,
    /// The new one: at least 10 characters.
    #[schema(format = Password, min_length = 10)]
    pub new_password: String,
}
