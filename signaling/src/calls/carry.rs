//! Placing legs and opening media: where the core's wishes meet phones, trunks and settings.

use super::{
    media::{self as words, MediaTerms},
    placing::{PlacedLeg, TrunkCall},
    request,
    task::{CallTask, Leg},
};
use crate::{
    directory::ExtensionAccount,
    measure,
    sip::{DialogKey, SipCommand},
    trunk::Trunk,
};
use ::media::{Codec, LegSettings};
use bytes::Bytes;
use call::{
    CauseKind, EndedBy, ExtensionId, ExtensionTarget, HangupCause, Input, LegId, MediaAction,
    MediaProfile, RecordingId, Target, TrunkTarget,
};
use signaling_proto::{InviteRequest, Transport, registrar::Reachable};
use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// How a placed leg presents itself.
pub(super) struct Presented {
    pub(super) caller_id: String,
    pub(super) caller_name: Option<String>,
    pub(super) auto_answer: bool,
}

/// With another carrier at hand, one that says nothing at all is left after this: the next one is
/// asked within 4 s (H14).
const SILENCE_MAX: Duration = Duration::from_millis(3500);

/// Phones of one extension rung at once; more than any person has.
const PHONES_MAX: usize = 16;

impl CallTask {
    /// Places a leg, or tells the core at once why not.
    pub(super) async fn place(&mut self, leg: LegId, to: Target, sdp: Bytes, as_: Presented) {
        let placed = match to {
            Target::Extension(target) => self.place_phones(leg, &target, sdp, &as_).await,
            Target::Trunk(target) => self.place_trunk(leg, &target, sdp).await,
        };
        match placed {
            Ok((placed, requests)) => {
                self.legs.insert(leg, Leg::Placed(Box::new(placed)));
                for (fork, request) in requests.into_iter().enumerate() {
                    let key = DialogKey { leg, fork: u16::try_from(fork).unwrap_or(u16::MAX) };
                    let (door, request) = (self.door.clone(), Box::new(request));
                    self.near.sip.send(SipCommand::Invite { key, door, request }).await;
                }
            }
            Err(cause) => {
                self.legs.insert(leg, Leg::Gone);
                let failed = Input::LegFailed { leg, cause, before_ringing: true };
                self.core.handle_input(Instant::now(), failed);
            }
        }
    }

    async fn place_phones(
        &mut self,
        leg: LegId,
        target: &ExtensionTarget,
        sdp: Bytes,
        as_: &Presented,
    ) -> Result<(PlacedLeg, Vec<InviteRequest>), HangupCause> {
        let mut phones = self.near.sip.reach(target.aor.clone()).await;
        // One offer goes to all of them, and each kind understands its own only.
        let secure = ::media::is_for_browsers(&sdp);
        phones.retain(|phone| is_browser(phone) == secure);
        phones.truncate(PHONES_MAX);
        if phones.is_empty() {
            let cause = HangupCause::new(EndedBy::System, CauseKind::AgentUnavailable);
            return Err(HangupCause { sip_status: Some(480), ..cause });
        }
        let shown = request::Shown { caller_id: &as_.caller_id, name: as_.caller_name.as_deref() };
        let invite = |phone| request::to_phone(target, phone, &shown, as_.auto_answer, sdp.clone());
        let requests: Vec<_> = phones.into_iter().map(invite).collect();
        let forks = u16::try_from(requests.len()).unwrap_or(u16::MAX);
        Ok((PlacedLeg::to_phones(leg, forks), requests))
    }

    async fn place_trunk(
        &mut self,
        leg: LegId,
        target: &TrunkTarget,
        sdp: Bytes,
    ) -> Result<(PlacedLeg, Vec<InviteRequest>), HangupCause> {
        self.trunks_left.retain(|left| *left != target.trunk);
        let trunk = self.near.trunks.by_id(target.trunk);
        let trunk = trunk.filter(|trunk| trunk.settings.tenant == self.tenant);
        let Some(trunk) = trunk.filter(|trunk| trunk.settings.enabled) else {
            return Err(unusable(503));
        };
        let now = Instant::now();
        if trunk.is_doubtful(now) && self.has_better_trunk(now) {
            measure::dropped("trunk_down");
            return Err(unusable(503));
        }
        let channel = if target.number.is_emergency() {
            // The carrier may refuse it; we do not (D14).
            trunk.count_channel()
        } else {
            trunk.take_channel(now).map_err(|closed| {
                tracing::warn!(trunk.name = %trunk.settings.name, %closed, "call refused at the trunk's gate");
                measure::dropped("trunk_gate");
                unusable(503)
            })?
        };
        let addresses = trunk.addresses(&self.near.dns).await;
        if addresses.is_empty() {
            trunk.note_error("its host name has no address");
            return Err(unusable(503));
        }
        let mut request = request::to_trunk(&trunk.settings, target, addresses, sdp.clone());
        request.patience = self.has_other_trunk().then_some(SILENCE_MAX);
        tracing::info!(leg.id = %leg, trunk.name = %trunk.settings.name, to = %target.number.masked(), "calling out");
        let Ok(uri) = request.request_uri.parse() else {
            trunk.note_error("its host makes no SIP address");
            return Err(unusable(503));
        };
        let number = target.number.to_string();
        let call = TrunkCall { trunk, channel, uri, number, sdp };
        Ok((PlacedLeg::to_trunk(leg, call), vec![request]))
    }

    /// Whether there is a trunk still to come that takes calls.
    fn has_other_trunk(&self) -> bool {
        let enabled = |trunk: Arc<Trunk>| trunk.settings.enabled;
        self.trunks_left.iter().any(|left| self.near.trunks.by_id(*left).is_some_and(enabled))
    }

    /// Whether a trunk that is still to come is in a better state.
    fn has_better_trunk(&self, now: Instant) -> bool {
        let usable = |trunk: Arc<Trunk>| trunk.settings.enabled && !trunk.is_doubtful(now);
        self.trunks_left.iter().any(|left| self.near.trunks.by_id(*left).is_some_and(usable))
    }

    /// Translates for the media engine.
    pub(super) async fn media(&mut self, action: MediaAction) {
        let settings = match &action {
            MediaAction::Open { leg, offer, profile } => {
                self.near.media.route(leg.uuid(), &self.door);
                self.legs.entry(*leg).or_insert(Leg::Gone);
                self.leg_settings(*leg, *profile, offer.is_some()).await
            }
            MediaAction::Record { recording, .. } => {
                self.near.media.route(recording.uuid(), &self.door);
                LegSettings::default()
            }
            MediaAction::SetAnswer { .. }
            | MediaAction::AnswerReoffer { .. }
            | MediaAction::MakeReoffer { .. }
            | MediaAction::Bridge { .. }
            | MediaAction::Unbridge { .. }
            | MediaAction::Play { .. }
            | MediaAction::StopPlay { .. }
            | MediaAction::Mute { .. }
            | MediaAction::SendDtmf { .. }
            | MediaAction::PauseRecording { .. }
            | MediaAction::StopRecording { .. }
            | MediaAction::Close { .. } => LegSettings::default(),
        };
        let call = self.door.call;
        let folder = self.near.spool.join(self.tenant.to_string());
        let recording_path = folder.join(format!("{call}.wav"));
        debug_assert_ne!(RecordingId::of(call).uuid(), call.uuid());
        self.submit(words::command(action, MediaTerms { call, settings, recording_path }));
    }

    /// Codecs, address and NAT rule of a leg about to be opened.
    async fn leg_settings(
        &mut self,
        leg: LegId,
        profile: MediaProfile,
        offered: bool,
    ) -> LegSettings {
        let mut settings = LegSettings::default();
        let placer = self.placers.get(&leg);
        let account = placer.and_then(|placer| placer.account.clone());
        let mut peer = placer.map(|placer| placer.peer).filter(|_| offered);
        match profile {
            MediaProfile::Trunk(trunk) => {
                let Some(trunk) = self.near.trunks.by_id(trunk) else { return settings };
                prefer(&mut settings.codecs, &trunk.settings.codecs);
                if peer.is_none() {
                    let addresses = trunk.addresses(&self.near.dns).await;
                    peer = addresses.first().map(|target| target.address.ip());
                }
            }
            MediaProfile::Extension(extension) => {
                peer = self.phone_settings(extension, (account, peer), &mut settings).await;
            }
        }
        settings.address = peer.map(|peer| self.near.media_addresses.address_towards(peer));
        settings
    }

    async fn phone_settings(
        &mut self,
        extension: ExtensionId,
        (caller, peer): (Option<Arc<ExtensionAccount>>, Option<IpAddr>),
        settings: &mut LegSettings,
    ) -> Option<IpAddr> {
        let mut peer = peer.filter(|_| caller.is_some());
        let mut sources: Vec<IpAddr> = peer.into_iter().collect();
        let account = match (caller, self.extensions.get(&extension).cloned()) {
            (Some(account), _) => Some(account),
            (None, Some(target)) => {
                let phones = self.near.sip.reach(target.aor.clone()).await;
                sources = phones.iter().filter_map(address_of).collect();
                // With phones of both kinds the desk ones ring.
                settings.browser = !phones.is_empty() && phones.iter().all(is_browser);
                peer = peer.or_else(|| sources.first().copied());
                let user = target.aor.split('@').next().unwrap_or_default();
                self.near.accounts.account(self.tenant, user).await.ok().flatten()
            }
            (None, None) => None,
        };
        if let Some(account) = account {
            prefer(&mut settings.codecs, &account.codecs);
            settings.learn_address = account.learn_address;
            // What came through the translator with the phone's SIP comes through it with its media. Phones of one
            // extension behind several translators cannot be told apart before one of them answers.
            sources.sort_unstable();
            sources.dedup();
            settings.learn_from = match sources.as_slice() {
                [only] => Some(*only),
                _ => None,
            };
        }
        peer
    }
}

/// Whoever speaks SIP over WebSocket is a browser, and takes no plain RTP (RFC 7118, RFC 8827 §6.5).
fn is_browser(phone: &Reachable) -> bool {
    phone.flow.is_some_and(|source| matches!(source.transport, Transport::Ws | Transport::Wss))
}

fn address_of(phone: &Reachable) -> Option<IpAddr> {
    phone.flow.map(|source| source.remote.ip())
}

fn prefer(codecs: &mut Vec<Codec>, names: &[String]) {
    let named = words::codecs(names);
    if !named.is_empty() {
        *codecs = named;
    }
}

/// The trunk could not be asked: another may be.
fn unusable(status: u16) -> HangupCause {
    let cause = HangupCause::new(EndedBy::System, CauseKind::NetworkFailure);
    HangupCause { sip_status: Some(status), ..cause }
}
