//! Users and agents.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What a user may do (AUT-07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the installation; within a tenant the same as an administrator of it.
    PlatformAdmin,
    /// Everything within the tenant.
    Admin,
    /// Leads the team they name, and who reports to them; without either the whole tenant.
    Manager,
    /// Own and assigned leads, own calls.
    Telecaller,
    /// Visits on the road.
    FieldAgent,
    /// Reads figures; telephone numbers masked.
    Viewer,
}

/// A person who signs in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct User {
    /// Id.
    pub id: Uuid,
    /// Sign-in address, unique in the installation.
    pub email: String,
    /// Name shown.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Language of their screens.
    pub language: String,
    /// Team name. A manager who names one leads it, and sees no other (AUT-08).
    pub team: Option<String>,
    /// Who leads them, besides the managers of their team.
    pub reports_to: Option<Uuid>,
    /// The number shown when they call.
    pub caller_id: Option<String>,
    /// False: cannot sign in; sessions, sockets and phones are cut within 5 s, a live call goes on.
    pub active: bool,
    /// Signs in with a code as well (AUT-05).
    pub otp_enabled: bool,
    /// Their extension.
    pub extension_id: Option<Uuid>,
    /// Its number.
    pub extension: Option<String>,
    /// Last successful sign-in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// Filter of the user list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// Only this role.
    #[param(inline)]
    pub role: Option<Role>,
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// Part of name or address.
    pub q: Option<String>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserNew {
    /// Sign-in address.
    pub email: String,
    /// Name shown.
    pub name: String,
    /// What they may do; `platform_admin` only by another one.
    pub role: Role,
    /// `en` or `hi`.
    pub language: Option<String>,
    /// Team name. A manager who names one leads it, and sees no other (AUT-08).
    pub team: Option<String>,
    /// Who leads them, besides the managers of their team.
    pub reports_to: Option<Uuid>,
    /// The number shown when they call.
    pub caller_id: Option<String>,
    /// At least 10 characters; generated and returned once when left out.
    #[schema(format = Password, min_length = 10)]
    pub password: Option<String>,
}

/// A user just made.
#[derive(Serialize, ToSchema)]
pub struct UserCreated {
    /// The account.
    pub user: User,
    /// Shown this once, only when it was generated.
    pub password: Option<String>,
}

/// Change of a user; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// Name shown.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// `en` or `hi`.
    pub language: Option<String>,
    /// Sign-in address.
    pub email: Option<String>,
    /// Team name; `null` for none. A manager who names one leads it, and sees no other (AUT-08).
    #[serde(default, deserialize_with = "super::telephony::some")]
    #[schema(value_type = Option<String>)]
    pub team: Option<Option<String>>,
    /// Who leads them, besides the managers of their team; `null` for nobody.
    #[serde(default, deserialize_with = "super::telephony::some")]
    #[schema(value_type = Option<Uuid>)]
    pub reports_to: Option<Option<Uuid>>,
    /// The number shown when they call; `null` for the tenant's.
    #[serde(default, deserialize_with = "super::telephony::some")]
    #[schema(value_type = Option<String>)]
    pub caller_id: Option<Option<String>>,
    /// False ends every session and registration within 5 s; a live call goes on.
    pub active: Option<bool>,
    /// A new password; ends every session.
    #[schema(format = Password, min_length = 10)]
    pub password: Option<String>,
}

/// State of an agent. The server decides; screens show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Not working.
    Offline,
    /// May get or place a call.
    Ready,
    /// Chosen for a call that is about to ring.
    Reserved,
    /// Own phone rings, or the customer's does.
    Ringing,
    /// Talking.
    OnCall,
    /// The call is over, its outcome is not saved yet (DIA-04).
    WrapUp,
    /// On a break, with a reason.
    Paused,
    /// Wants to work but no phone is registered.
    Unreachable,
}

/// State an agent may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentWish {
    /// Work.
    Ready,
    /// Take a break; `reason` is required.
    Paused,
    /// Stop.
    Offline,
}

/// Asked-for state.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentStateChange {
    /// Which state.
    pub state: AgentWish,
    /// Why, for `paused`: `break`, `lunch`, `meeting`, `training` or own words (60 characters).
    #[schema(max_length = 60)]
    pub reason: Option<String>,
}

/// An agent as the floor sees them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Agent {
    /// User id.
    pub user_id: Uuid,
    /// Name shown.
    pub name: String,
    /// Extension number.
    pub extension: Option<String>,
    /// State now.
    pub state: AgentState,
    /// Why, while paused.
    pub reason: Option<String>,
    /// What was asked for during a call and comes after it.
    pub next: Option<AgentWish>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The call at hand: ringing, talking, or waiting for its outcome.
    pub call_id: Option<Uuid>,
    /// Calls that still need an outcome.
    pub pending_outcomes: Vec<Uuid>,
    /// A phone is registered.
    pub reachable: bool,
}
