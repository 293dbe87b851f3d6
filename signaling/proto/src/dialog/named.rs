//! What a `Replaces` may name: dialogs that stand, and those that ended a short while ago (RFC 3891 §3).

use crate::endpoint::DialogId;
use crate::headers::Replaces;
use std::collections::VecDeque;

/// So many dialogs that ended are remembered.
const REMEMBERED: usize = 1024;

/// A dialog that a `Replaces` names, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Our INVITE rings there.
    Ringing(DialogId),
    /// Their INVITE waits for our answer.
    Offered(DialogId),
    /// It was answered.
    Confirmed(DialogId),
    /// It was answered, and is over.
    Ended(DialogId),
}

/// Dialogs that were answered and are over, the latest last.
#[derive(Debug, Default)]
pub(crate) struct EndedDialogs(VecDeque<(DialogId, [String; 3])>);

impl EndedDialogs {
    /// `ids`: Call-ID, our tag, the peer's tag.
    pub(crate) fn note(&mut self, dialog: DialogId, ids: [String; 3]) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((dialog, ids));
    }

    pub(crate) fn find(&self, named: &Replaces) -> Option<Named> {
        let wanted = [&*named.call_id, &*named.to_tag, &*named.from_tag];
        let found = self.0.iter().rev().find(|(_, ids)| *ids == wanted);
        found.map(|(dialog, _)| Named::Ended(*dialog))
    }
}
