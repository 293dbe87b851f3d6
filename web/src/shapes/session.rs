//! Signing in, staying signed in, and who one is.

use super::accounts::Role;
use super::telephony::ExtensionType;
use chrono::{DateTime, Utc};
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
    /// Code of the authenticator app where the account has two-step sign-in, or a recovery code.
    /// Without it such an account is answered 401 `/problems/otp-required`, with a wrong one 401
    /// `/problems/otp-wrong`.
    #[schema(example = "287082")]
    pub otp: Option<String>,
}

/// What the sign-in page can offer.
#[derive(Serialize, ToSchema)]
pub struct SignInOptions {
    /// Links for a new password are sent by e-mail; otherwise an administrator sets one.
    pub reset_by_mail: bool,
}

/// Who forgot their password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordForgotten {
    /// The address the account is known by.
    pub email: String,
}

/// A new password by link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordReset {
    /// What stands behind `#` in the link; good once, for 30 minutes.
    pub token: String,
    /// The new password: at least 10 characters.
    #[schema(format = Password, min_length = 10)]
    pub new_password: String,
}

/// Two-step sign-in of one's own account.
#[derive(Serialize, ToSchema)]
pub struct OtpState {
    /// Signing in asks for a code.
    pub enabled: bool,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// Recovery codes not used yet.
    pub recovery_codes_left: u32,
}

/// Beginning of two-step sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OtpBegin {
    /// The password in use.
    #[schema(format = Password)]
    pub current_password: String,
}

/// What goes into the authenticator app; shown this once.
#[derive(Serialize, ToSchema)]
pub struct OtpSecret {
    /// To be typed, base 32.
    pub secret: String,
    /// To be scanned: `otpauth://totp/…` (SHA-1, 6 digits, 30 seconds).
    pub uri: String,
}

/// A code of the app that was just set up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OtpConfirm {
    /// Six digits.
    pub code: String,
}

/// Password and code, to change two-step sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OtpProof {
    /// The password in use.
    #[schema(format = Password)]
    pub current_password: String,
    /// A code of the app, or a recovery code.
    pub code: String,
}

/// Codes for when the app is lost, each good once; shown this once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten of them.
    pub recovery_codes: Vec<String>,
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
    /// Every session of the user, on every device.
    #[serde(default)]
    pub everywhere: bool,
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
    /// Earliest moment of the day at which people are called, `HH:MM`.
    #[schema(example = "09:00")]
    pub calls_from: String,
    /// First moment that is too late, `HH:MM`.
    #[schema(example = "21:00")]
    pub calls_until: String,
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
    /// May one dial numbers that belong to no lead? Every call is still asked about.
    pub dials_any_number: bool,
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

/// Change of one's own password. Every session ends, this one as well.
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
