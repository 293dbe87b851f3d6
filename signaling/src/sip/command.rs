//! What the SIP task is asked for, and what it answers. Everything is addressed by names the
//! asker chose, so nobody waits for a handle.

use crate::calls::CallDoor;
use call::{CallId, ExtensionId, LegId, TenantId};
use signaling_proto::{
    Body, HeaderLine, InviteRequest, Message, OutgoingRequest, Reason, Reply, RequestFailure,
    ResolveId, Source, Target, TransactionId, headers::Replaces, registrar::Reachable,
};
use tokio::sync::{mpsc, oneshot};

/// How many commands may wait. Askers wait their turn: the SIP task never waits for them, so
/// there is no circle.
pub(crate) const COMMAND_QUEUE: usize = 4096;

/// One INVITE and the dialog that grows from it: a leg, and which of its phones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DialogKey {
    pub(crate) leg: LegId,
    pub(crate) fork: u16,
}

/// What the SIP task is asked for.
#[derive(Debug)]
pub(crate) enum SipCommand {
    /// Place an INVITE; its events go to the call's mailbox.
    Invite { key: DialogKey, door: CallDoor, request: Box<InviteRequest> },
    /// Act on a dialog.
    Dialog { key: DialogKey, action: DialogAction },
    /// Send a request outside of any dialog; the final response comes back.
    Request { request: Box<OutgoingRequest>, reply: oneshot::Sender<RequestOutcome> },
    /// The call's task is gone: end what it left (A06).
    Abandon { call: CallId },
    /// The directory was asked what this request needs; go on with it.
    Looked { ticket: Ticket, answered: bool },
    /// A host name was resolved.
    Resolved { id: ResolveId, targets: Vec<Target> },
    /// A dialog goes on as part of another call; that call's later actions on it follow.
    Move { from: DialogKey, to: DialogKey, door: CallDoor },
    /// Whose the dialog is that a phone names from its side (RFC 3891).
    FindDialog { replaces: Replaces, reply: oneshot::Sender<Option<(DialogKey, CallDoor)>> },
    /// Where the phones of an AOR are.
    Reach { aor: String, reply: oneshot::Sender<Vec<Reachable>> },
    /// The phones of an extension may not stay registered.
    PhonesOut { tenant: TenantId, extension: ExtensionId },
}

/// A request that waits for an answer of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

/// The end of a request outside of dialogs.
#[derive(Debug)]
pub(crate) enum RequestOutcome {
    /// Final response and where it came from.
    Response(Box<Message>, Source),
    /// There will be none.
    Failed(RequestFailure),
}

/// Acts on a dialog.
#[derive(Debug)]
pub(crate) enum DialogAction {
    /// 18x.
    Progress { status: u16, body: Option<Body> },
    /// 200.
    Answer { body: Body },
    /// Final refusal.
    Reject { status: u16, headers: Vec<HeaderLine> },
    /// 200 to their re-INVITE or UPDATE.
    AcceptReinvite { body: Body },
    /// Refusal of their re-INVITE or UPDATE.
    RefuseReinvite { status: u16 },
    /// Our re-INVITE.
    Reinvite { body: Body },
    /// CANCEL or BYE.
    Hangup { reason: Option<Reason> },
    /// The challenged INVITE again, with credentials.
    RetryWith { headers: Vec<HeaderLine> },
    /// Answer to a request in the dialog.
    Respond { transaction: TransactionId, reply: Reply },
    /// How a REFER of the peer fares.
    Notify { state: String, line: String },
}

/// Sends commands to the SIP task.
#[derive(Clone, Debug)]
pub(crate) struct SipDoor {
    commands: mpsc::Sender<SipCommand>,
}

impl SipDoor {
    pub(crate) fn new(commands: mpsc::Sender<SipCommand>) -> Self {
        Self { commands }
    }

    /// Waits for its turn. After shutdown it does nothing.
    pub(crate) async fn send(&self, command: SipCommand) {
        let _ = self.commands.send(command).await;
    }

    /// Sends a request and waits for its end.
    pub(crate) async fn request(&self, request: OutgoingRequest) -> RequestOutcome {
        let (reply, outcome) = oneshot::channel();
        self.send(SipCommand::Request { request: Box::new(request), reply }).await;
        outcome.await.unwrap_or(RequestOutcome::Failed(RequestFailure::Unreachable))
    }

    /// Whose the dialog is that a phone names from its side.
    pub(crate) async fn find_dialog(&self, replaces: &Replaces) -> Option<(DialogKey, CallDoor)> {
        let (reply, answer) = oneshot::channel();
        self.send(SipCommand::FindDialog { replaces: replaces.clone(), reply }).await;
        answer.await.ok().flatten()
    }

    /// Where the phones of an AOR are.
    pub(crate) async fn reach(&self, aor: String) -> Vec<Reachable> {
        let (reply, answer) = oneshot::channel();
        self.send(SipCommand::Reach { aor, reply }).await;
        answer.await.unwrap_or_default()
    }
}
