//! A page as its user's phone, by the messages of its live socket.

use crate::{
    AppState, PagePhone,
    sessions::Principal,
    shapes::live::{LiveBody, PhoneLeg, PhoneOffer, PhoneState, PhoneWish},
};
use bytes::Bytes;
use call::{SoftphoneEvent, SoftphoneOrder};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// A page that says nothing for so long sleeps: with the way to the registrar it is known within ten seconds (E07).
const SLEEPS_AFTER: Duration = Duration::from_secs(8);

/// The page's phone, while it is one.
#[derive(Default)]
pub(super) struct Phone(Option<Held>);

struct Held {
    orders: mpsc::Sender<SoftphoneOrder>,
    events: mpsc::Receiver<SoftphoneEvent>,
    /// When the page last said something of its phone.
    heard: Instant,
    asleep: bool,
}

impl Held {
    fn new((orders, events): PagePhone) -> Self {
        Self { orders, events, heard: Instant::now(), asleep: false }
    }

    /// The page said something.
    fn heard(&mut self) {
        self.heard = Instant::now();
        if self.asleep {
            self.rest(false);
        }
    }

    /// An order that finds no room is given again when the page is next heard, or not.
    fn rest(&mut self, asleep: bool) {
        if self.orders.try_send(SoftphoneOrder::Reachable(!asleep)).is_ok() {
            self.asleep = asleep;
        } else {
            self.heard = Instant::now();
        }
    }
}

impl Phone {
    /// The next thing the page is to be told. `None`, once: the phone is gone.
    pub(super) async fn next(&mut self) -> Option<LiveBody> {
        let Some(held) = &mut self.0 else { return std::future::pending().await };
        loop {
            tokio::select! {
                event = held.events.recv() => return event.map(|event| told(event, held.asleep)),
                () = sleep_until(held.heard + SLEEPS_AFTER), if !held.asleep => held.rest(true),
            }
        }
    }

    /// The phone ended by itself.
    pub(super) fn lost(&mut self) -> LiveBody {
        self.0 = None;
        refused("the connection to the switch is lost: try again")
    }

    /// Does what the page wants; what it is told at once.
    pub(super) async fn wish(
        &mut self,
        state: &AppState,
        who: &Principal,
        peer: SocketAddr,
        wish: PhoneWish,
    ) -> Option<LiveBody> {
        if let Some(held) = &mut self.0 {
            held.heard();
        }
        match wish {
            PhoneWish::Alive => {}
            PhoneWish::Ready => return self.begin(state, who, peer).await,
            PhoneWish::Leave => self.0 = None,
            PhoneWish::Answer(answer) => {
                let sdp = Bytes::from(answer.sdp);
                self.order(SoftphoneOrder::Answer { leg: answer.leg, sdp });
            }
            PhoneWish::Hangup(PhoneLeg { leg }) => self.order(SoftphoneOrder::Hangup { leg }),
        }
        None
    }

    async fn begin(
        &mut self,
        state: &AppState,
        who: &Principal,
        peer: SocketAddr,
    ) -> Option<LiveBody> {
        if self.0.is_some() {
            return None;
        }
        let Ok(found) = state.store.extension_of_user(who.tenant, who.user).await else {
            return Some(refused("this cannot be looked up now: try again"));
        };
        let Some(extension) = found.filter(|extension| extension.active) else {
            return Some(refused("you have no extension to be called on"));
        };
        let phone = (state.page_phones)(who.tenant, extension.number, peer).await;
        self.0 = phone.map(Held::new);
        self.0.is_none().then(|| refused("the switch knows no such extension"))
    }

    /// A page that says more than its phone takes in is told by the silence of its call.
    fn order(&mut self, order: SoftphoneOrder) {
        if let Some(held) = &self.0 {
            let _ = held.orders.try_send(order);
        }
    }
}

fn refused(why: &str) -> LiveBody {
    LiveBody::PhoneState(PhoneState { ready: false, error: Some(why.to_owned()) })
}

fn told(event: SoftphoneEvent, asleep: bool) -> LiveBody {
    let text = |sdp: Bytes| String::from_utf8_lossy(&sdp).into_owned();
    match event {
        SoftphoneEvent::Ready(true) => {
            LiveBody::PhoneState(PhoneState { ready: true, error: None })
        }
        SoftphoneEvent::Ready(false) if asleep => {
            LiveBody::PhoneState(PhoneState { ready: false, error: None })
        }
        SoftphoneEvent::Ready(false) => refused("the switch does not take this phone now"),
        SoftphoneEvent::Ended { leg } => LiveBody::PhoneHangup(PhoneLeg { leg }),
        SoftphoneEvent::Offer { leg, sdp, from, name, auto_answer } => {
            let sdp = text(sdp);
            LiveBody::PhoneOffer(PhoneOffer { leg, sdp, from, name, auto_answer, change: false })
        }
        SoftphoneEvent::Change { leg, sdp } => LiveBody::PhoneOffer(PhoneOffer {
            leg,
            sdp: text(sdp),
            from: String::new(),
            name: None,
            auto_answer: true,
            change: true,
        }),
    }
}
