//! Which dialog belongs to which leg of which call.

use super::DialogKey;
use crate::calls::CallDoor;
use call::CallId;
use signaling_proto::DialogId;
use std::collections::{HashMap, VecDeque};

/// So many dialogs that ended are remembered.
const REMEMBERED: usize = 1024;

/// Both directions of the lookup. Owned by the SIP task.
#[derive(Debug, Default)]
pub(super) struct Dialogs {
    by_key: HashMap<DialogKey, DialogId>,
    by_id: HashMap<DialogId, (DialogKey, CallDoor)>,
    by_call: HashMap<CallId, Vec<DialogId>>,
    /// Whose those were that are over, the latest last.
    ended: VecDeque<(DialogId, CallId)>,
}

impl Dialogs {
    pub(super) fn insert(&mut self, id: DialogId, key: DialogKey, door: CallDoor) {
        self.by_call.entry(door.call).or_default().push(id);
        self.by_key.insert(key, id);
        self.by_id.insert(id, (key, door));
    }

    pub(super) fn id(&self, key: DialogKey) -> Option<DialogId> {
        self.by_key.get(&key).copied()
    }

    pub(super) fn owner(&self, id: DialogId) -> Option<&(DialogKey, CallDoor)> {
        self.by_id.get(&id)
    }

    pub(super) fn remove(&mut self, id: DialogId) -> Option<(DialogKey, CallDoor)> {
        let (key, door) = self.by_id.remove(&id)?;
        self.by_key.remove(&key);
        if let Some(dialogs) = self.by_call.get_mut(&door.call) {
            dialogs.retain(|dialog| *dialog != id);
            if dialogs.is_empty() {
                self.by_call.remove(&door.call);
            }
        }
        if self.ended.len() >= REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back((id, door.call));
        Some((key, door))
    }

    /// The call that a dialog belonged to before it ended.
    pub(super) fn former_owner(&self, id: DialogId) -> Option<CallId> {
        self.ended.iter().rev().find(|(ended, _)| *ended == id).map(|(_, call)| *call)
    }

    /// The dialogs a call has now.
    pub(super) fn of_call(&self, call: CallId) -> Vec<DialogId> {
        self.by_call.get(&call).cloned().unwrap_or_default()
    }
}
