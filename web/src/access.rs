//! Who may do what: one table of routes and roles that both the guard and the generated matrix
//! test read (F01). A route that is not listed is refused to everybody, and fails the test.

use crate::shapes::accounts::Role;
use axum::http::Method;

/// A set of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles(u8);

impl Roles {
    const fn of(roles: &[Role]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < roles.len() {
            bits |= 1 << roles[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// Is the role among them?
    pub(crate) const fn contains(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }
}

/// Run the tenant.
pub(crate) const ADMINS: Roles = Roles::of(&[Role::PlatformAdmin, Role::Admin]);
/// Lead the floor.
pub(crate) const LEADERS: Roles = Roles::of(&[Role::PlatformAdmin, Role::Admin, Role::Manager]);
/// Speak with leads.
pub(crate) const CALLERS: Roles =
    Roles::of(&[Role::PlatformAdmin, Role::Admin, Role::Manager, Role::Telecaller]);
/// Read figures.
pub(crate) const READERS: Roles =
    Roles::of(&[Role::PlatformAdmin, Role::Admin, Role::Manager, Role::Telecaller, Role::Viewer]);
/// Everybody who is signed in.
pub(crate) const ANYONE: Roles = Roles::of(&[
    Role::PlatformAdmin,
    Role::Admin,
    Role::Manager,
    Role::Telecaller,
    Role::FieldAgent,
    Role::Viewer,
]);

/// What it takes to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Public,
    /// A bearer token of one of these roles.
    Bearer(Roles),
    /// The handler itself reads a token: the first message of the live socket, or the signed
    /// link of a recording (which falls back to a bearer of these roles).
    InHandler(Roles),
}

/// The methods we serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// HEAD is GET without the body.
    pub(crate) fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET | Method::HEAD => Some(Self::Get),
            Method::POST => Some(Self::Post),
            Method::PUT => Some(Self::Put),
            Method::PATCH => Some(Self::Patch),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
}

impl Rule {
    const fn public(verb: Verb, path: &'static str) -> Self {
        Self { verb, path, access: Access::Public }
    }

    const fn of(verb: Verb, path: &'static str, roles: Roles) -> Self {
        Self { verb, path, access: Access::Bearer(roles) }
    }

    const fn in_handler(verb: Verb, path: &'static str, roles: Roles) -> Self {
        Self { verb, path, access: Access::InHandler(roles) }
    }
}

/// Every route below `/api/v1` and a few beside it.
pub(crate) const TABLE: &[Rule] = &[
    Rule::public(Verb::Get, "/api/v1/health"),
    Rule::public(Verb::Post, "/api/v1/auth/login"),
    Rule::public(Verb::Post, "/api/v1/auth/refresh"),
    Rule::public(Verb::Get, "/api/v1/auth/options"),
    Rule::public(Verb::Post, "/api/v1/auth/password/forgot"),
    Rule::public(Verb::Post, "/api/v1/auth/password/reset"),
    Rule::of(Verb::Post, "/api/v1/auth/logout", ANYONE),
    Rule::of(Verb::Get, "/api/v1/me", ANYONE),
    Rule::of(Verb::Patch, "/api/v1/me", ANYONE),
    Rule::of(Verb::Post, "/api/v1/me/password", ANYONE),
    Rule::of(Verb::Get, "/api/v1/me/otp", ANYONE),
    Rule::of(Verb::Post, "/api/v1/me/otp", ANYONE),
    Rule::of(Verb::Post, "/api/v1/me/otp/confirm", ANYONE),
    Rule::of(Verb::Post, "/api/v1/me/otp/disable", ANYONE),
    Rule::of(Verb::Post, "/api/v1/me/otp/recovery-codes", ANYONE),
    Rule::of(Verb::Get, "/api/v1/me/phone", CALLERS),
    Rule::of(Verb::Get, "/api/v1/users", LEADERS),
    Rule::of(Verb::Post, "/api/v1/users", ADMINS),
    Rule::of(Verb::Get, "/api/v1/users/{id}", LEADERS),
    Rule::of(Verb::Patch, "/api/v1/users/{id}", ADMINS),
    Rule::of(Verb::Delete, "/api/v1/users/{id}", ADMINS),
    Rule::of(Verb::Post, "/api/v1/users/{id}/password-link", ADMINS),
    Rule::of(Verb::Post, "/api/v1/users/{id}/sign-out", ADMINS),
    Rule::of(Verb::Delete, "/api/v1/users/{id}/otp", ADMINS),
    Rule::of(Verb::Get, "/api/v1/extensions", LEADERS),
    Rule::of(Verb::Post, "/api/v1/extensions", ADMINS),
    Rule::of(Verb::Get, "/api/v1/extensions/{id}", LEADERS),
    Rule::of(Verb::Patch, "/api/v1/extensions/{id}", ADMINS),
    Rule::of(Verb::Delete, "/api/v1/extensions/{id}", ADMINS),
    Rule::of(Verb::Get, "/api/v1/extensions/{id}/setup", LEADERS),
    Rule::of(Verb::Get, "/api/v1/extensions/{id}/secret", ADMINS),
    Rule::of(Verb::Post, "/api/v1/extensions/{id}/secret/rotate", ADMINS),
    Rule::of(Verb::Get, "/api/v1/trunks", LEADERS),
    Rule::of(Verb::Post, "/api/v1/trunks", ADMINS),
    Rule::of(Verb::Get, "/api/v1/trunks/presets", ADMINS),
    Rule::of(Verb::Get, "/api/v1/trunks/{id}", LEADERS),
    Rule::of(Verb::Patch, "/api/v1/trunks/{id}", ADMINS),
    Rule::of(Verb::Delete, "/api/v1/trunks/{id}", ADMINS),
    Rule::of(Verb::Get, "/api/v1/trunks/{id}/status", LEADERS),
    Rule::of(Verb::Post, "/api/v1/trunks/{id}/test-call", ADMINS),
    Rule::of(Verb::Get, "/api/v1/numbers", LEADERS),
    Rule::of(Verb::Post, "/api/v1/numbers", ADMINS),
    Rule::of(Verb::Get, "/api/v1/numbers/{id}", LEADERS),
    Rule::of(Verb::Patch, "/api/v1/numbers/{id}", ADMINS),
    Rule::of(Verb::Delete, "/api/v1/numbers/{id}", ADMINS),
    Rule::of(Verb::Get, "/api/v1/leads", CALLERS),
    Rule::of(Verb::Post, "/api/v1/leads", CALLERS),
    Rule::of(Verb::Get, "/api/v1/leads/{id}", CALLERS),
    Rule::of(Verb::Patch, "/api/v1/leads/{id}", CALLERS),
    Rule::of(Verb::Get, "/api/v1/leads/{id}/timeline", CALLERS),
    Rule::of(Verb::Post, "/api/v1/leads/{id}/notes", CALLERS),
    Rule::of(Verb::Get, "/api/v1/leads/{id}/script", CALLERS),
    Rule::of(Verb::Get, "/api/v1/queue/mine", CALLERS),
    Rule::of(Verb::Get, "/api/v1/dispositions", ANYONE),
    Rule::of(Verb::Put, "/api/v1/dispositions/{code}", ADMINS),
    Rule::of(Verb::Get, "/api/v1/scripts", CALLERS),
    Rule::of(Verb::Post, "/api/v1/scripts", LEADERS),
    Rule::of(Verb::Get, "/api/v1/scripts/{id}", CALLERS),
    Rule::of(Verb::Put, "/api/v1/scripts/{id}", LEADERS),
    Rule::of(Verb::Delete, "/api/v1/scripts/{id}", LEADERS),
    Rule::of(Verb::Get, "/api/v1/objections", CALLERS),
    Rule::of(Verb::Post, "/api/v1/objections", LEADERS),
    Rule::of(Verb::Put, "/api/v1/objections/{id}", LEADERS),
    Rule::of(Verb::Delete, "/api/v1/objections/{id}", LEADERS),
    Rule::of(Verb::Get, "/api/v1/knowledge", CALLERS),
    Rule::of(Verb::Get, "/api/v1/callbacks", CALLERS),
    Rule::of(Verb::Post, "/api/v1/callbacks", CALLERS),
    Rule::of(Verb::Patch, "/api/v1/callbacks/{id}", CALLERS),
    Rule::of(Verb::Post, "/api/v1/calls/start", CALLERS),
    Rule::of(Verb::Get, "/api/v1/calls", READERS),
    Rule::of(Verb::Get, "/api/v1/calls/{id}", READERS),
    Rule::of(Verb::Get, "/api/v1/calls/{id}/events", READERS),
    Rule::of(Verb::Post, "/api/v1/calls/{id}/mute", CALLERS),
    Rule::of(Verb::Post, "/api/v1/calls/{id}/hold", CALLERS),
    Rule::of(Verb::Post, "/api/v1/calls/{id}/resume", CALLERS),
    Rule::of(Verb::Post, "/api/v1/calls/{id}/hangup", CALLERS),
    Rule::of(Verb::Post, "/api/v1/calls/{id}/dtmf", CALLERS),
    Rule::of(Verb::Post, "/api/v1/calls/{id}/recording/pause", CALLERS),
    Rule::of(Verb::Post, "/api/v1/calls/{id}/disposition", CALLERS),
    Rule::of(Verb::Put, "/api/v1/calls/{id}/disposition", CALLERS),
    Rule::of(Verb::Put, "/api/v1/calls/{id}/notes", CALLERS),
    Rule::of(Verb::Put, "/api/v1/calls/{id}/lead", CALLERS),
    Rule::in_handler(Verb::Get, "/api/v1/calls/{id}/recording", CALLERS),
    Rule::of(Verb::Post, "/api/v1/calls/{id}/recording/link", CALLERS),
    Rule::of(Verb::Get, "/api/v1/calls/{id}/recording/peaks", CALLERS),
    Rule::of(Verb::Get, "/api/v1/views", READERS),
    Rule::of(Verb::Post, "/api/v1/views", READERS),
    Rule::of(Verb::Patch, "/api/v1/views/{id}", READERS),
    Rule::of(Verb::Delete, "/api/v1/views/{id}", READERS),
    Rule::of(Verb::Get, "/api/v1/me/preferences", ANYONE),
    Rule::of(Verb::Put, "/api/v1/me/preferences", ANYONE),
    Rule::of(Verb::Get, "/api/v1/agents", READERS),
    Rule::of(Verb::Post, "/api/v1/agents/me/state", CALLERS),
    Rule::of(Verb::Get, "/api/v1/dnd", LEADERS),
    Rule::of(Verb::Post, "/api/v1/dnd", CALLERS),
    Rule::of(Verb::Delete, "/api/v1/dnd/{phone}", ADMINS),
    Rule::of(Verb::Get, "/api/v1/audit", ADMINS),
    Rule::of(Verb::Get, "/api/v1/settings", LEADERS),
    Rule::of(Verb::Patch, "/api/v1/settings", ADMINS),
    Rule::of(Verb::Post, "/api/v1/settings/widening", LEADERS),
    Rule::of(Verb::Delete, "/api/v1/settings/widening", LEADERS),
    Rule::in_handler(Verb::Get, "/api/v1/live", ANYONE),
    Rule::public(Verb::Get, "/api/v1/openapi.json"),
    Rule::public(Verb::Get, "/health"),
    Rule::public(Verb::Get, "/metrics"),
];

/// The rule of a route, by the path as it was registered.
pub(crate) fn rule(method: &Method, path: &str) -> Option<&'static Rule> {
    let verb = Verb::of(method)?;
    TABLE.iter().find(|rule| rule.verb == verb && rule.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What the OpenAPI document does not tell of.
    const UNDOCUMENTED: [&str; 4] =
        ["Get /api/v1/live", "Get /api/v1/openapi.json", "Get /health", "Get /metrics"];

    /// F01: no rule without a route, no route without a rule, and none twice.
    #[test]
    fn the_table_holds_the_documented_operations_and_four_others() {
        let mut routes: BTreeSet<String> = UNDOCUMENTED.map(str::to_owned).into();
        for (path, item) in crate::openapi::openapi().paths.paths {
            let verbs = [
                (Verb::Get, item.get),
                (Verb::Post, item.post),
                (Verb::Put, item.put),
                (Verb::Patch, item.patch),
                (Verb::Delete, item.delete),
            ];
            for (verb, _) in verbs.iter().filter(|(_, operation)| operation.is_some()) {
                routes.insert(format!("{verb:?} {path}"));
            }
        }
        let ruled: Vec<_> = TABLE.iter().map(|r| format!("{:?} {}", r.verb, r.path)).collect();
        assert_eq!(ruled.iter().cloned().collect::<BTreeSet<_>>(), routes);
        assert_eq!(ruled.len(), routes.len(), "a rule stands there twice");
    }
}
