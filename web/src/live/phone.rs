//! A page as its user's phone, by the messages of its live socket.

use crate::{
    AppState, PagePhone,
    sessions::Principal,
    shapes::live::{LiveBody, PhoneLeg, PhoneOffer, PhoneState, PhoneWish},
};
use bytes::Bytes;
use call::{SoftphoneEvent, SoftphoneOrder};
use std::net::SocketAddr;

/// The page's phone, while it is one.
#[derive(Default)]
pub(super) struct Phone(Option<PagePhone>);

impl Phone {
    /// The next thing the page is to be told. `None`, once: the phone is gone.
    pub(super) async fn next(&mut self) -> Option<LiveBody> {
        match &mut self.0 {
            Some((_, events)) => events.recv().await.map(told),
            None => std::future::pending().await,
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
        match wish {
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
        self.0 = (state.page_phones)(who.tenant, extension.number, peer).await;
        self.0.is_none().then(|| refused("the switch knows no such extension"))
    }

    /// A page that says more than its phone takes in is told by the silence of its call.
    fn order(&mut self, order: SoftphoneOrder) {
        if let Some((orders, _)) = &self.0 {
            let _ = orders.try_send(order);
        }
    }
}

fn refused(why: &str) -> LiveBody {
    LiveBody::PhoneState(PhoneState { ready: false, error: Some(why.to_owned()) })
}

fn told(event: SoftphoneEvent) -> LiveBody {
    let text = |sdp: Bytes| String::from_utf8_lossy(&sdp).into_owned();
    match event {
        SoftphoneEvent::Ready(ready) => LiveBody::PhoneState(PhoneState { ready, error: None }),
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
