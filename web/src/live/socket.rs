//! One live socket: hello, snapshot, deltas, until the session ends or the reader is too slow.

use super::{
    board::{LiveState, Part},
    hub::{CallChange, Delta},
    phone::Phone,
};
use crate::{
    AppState,
    guard::Peer,
    origin,
    problem::Problem,
    sessions::Principal,
    shapes::live::{LiveBody, LiveCall, LiveHello, LiveMessage, PhoneWish, Snapshot},
    token::Access,
};
use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use call::CallId;
use chrono::{DateTime, Utc};
use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::sync::broadcast::error::RecvError;

const HELLO_WAIT: Duration = Duration::from_secs(10);
const SEND_WAIT: Duration = Duration::from_secs(5);
/// How often it is asked whether the session still lives (F02: out within 5 s).
const CHECK_EVERY: Duration = Duration::from_secs(2);
const PING_EVERY: Duration = Duration::from_secs(20);
const SILENT_AFTER: Duration = Duration::from_secs(65);
const LARGEST_MESSAGE: usize = 16 * 1024;
/// The session is over or the token ran out: get a new one, then come back.
const CLOSE_SESSION: u16 = 4401;
/// Role or rights changed: come back for a new snapshot.
const CLOSE_CHANGED: u16 = 4403;

/// Upgrades; who it is comes as the first message, never in the address.
pub(crate) async fn live(
    State(state): State<AppState>,
    Peer(peer): Peer,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(problem) = origin::check(&headers, &state.config) {
        return problem.into_response();
    }
    upgrade.max_message_size(LARGEST_MESSAGE).max_frame_size(LARGEST_MESSAGE).on_upgrade(
        move |socket| async move {
            metrics::gauge!("live_sockets").increment(1.0);
            Box::pin(serve(state, socket, peer)).await;
            metrics::gauge!("live_sockets").decrement(1.0);
        },
    )
}

async fn serve(state: AppState, mut socket: WebSocket, peer: SocketAddr) {
    let address = peer.ip();
    let hello = tokio::time::timeout(HELLO_WAIT, hello(&state, &mut socket, address)).await;
    let (who, access) = match hello {
        Ok(Some(known)) => known,
        Ok(None) => return close(&mut socket, CLOSE_SESSION, "sign in first").await,
        Err(_) => return close(&mut socket, CLOSE_SESSION, "no token in time").await,
    };
    let Some(_place) = Place::take(&state, &who) else {
        return close(&mut socket, close_code::AGAIN, "too many sockets").await;
    };
    let (seen, phone) = (HashSet::new(), Phone::default());
    let mut session = Session { state, socket, peer, who, access, seen, seq: 0, phone };
    let (code, reason) = Box::pin(session.run()).await;
    close(&mut session.socket, code, reason).await;
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    // A peer that is gone needs no goodbye.
    let _ = tokio::time::timeout(SEND_WAIT, socket.send(Message::Close(Some(frame)))).await;
}

/// The first message with a token that is good.
async fn hello(
    state: &AppState,
    socket: &mut WebSocket,
    address: IpAddr,
) -> Option<(Principal, Access)> {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(text) = message {
            return admitted(state, &text, address).await;
        }
    }
    None
}

async fn admitted(state: &AppState, text: &str, address: IpAddr) -> Option<(Principal, Access)> {
    let hello: LiveHello = serde_json::from_str(text).ok()?;
    let access = state.tokens.read_access(&hello.token, Utc::now()).ok()?;
    let who = state.sessions.principal(&access, address).await.ok()?;
    Some((who, access))
}

/// A place among the sockets of one user.
struct Place {
    state: AppState,
    user: call::UserId,
}

impl Place {
    fn take(state: &AppState, who: &Principal) -> Option<Self> {
        let mut sockets = state.live.sockets.lock().expect("no panic under this lock");
        let taken = sockets.entry(who.user).or_insert(0);
        if *taken >= state.config.limits.sockets_per_user {
            return None;
        }
        *taken += 1;
        Some(Self { state: state.clone(), user: who.user })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sockets = self.state.live.sockets.lock().expect("no panic under this lock");
        if let Some(taken) = sockets.get_mut(&self.user) {
            *taken -= 1;
            if *taken == 0 {
                sockets.remove(&self.user);
            }
        }
    }
}

type Close = (u16, &'static str);

struct Session {
    state: AppState,
    socket: WebSocket,
    peer: SocketAddr,
    who: Principal,
    access: Access,
    /// Calls this listener was told of and not yet told the end of.
    seen: HashSet<CallId>,
    seq: i64,
    phone: Phone,
}

impl Session {
    async fn run(&mut self) -> Close {
        let mut deltas = self.state.live.subscribe();
        if let Err(close) = self.send_snapshot().await {
            return close;
        }
        let mut check = tokio::time::interval(CHECK_EVERY);
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.reset();
        let mut heard = Instant::now();
        loop {
            let step = tokio::select! {
                delta = deltas.recv() => match delta {
                    Ok(delta) => self.tell(delta).await,
                    // A reader that cannot keep up comes back to a new snapshot.
                    Err(RecvError::Lagged(_)) => Err((close_code::AGAIN, "too slow")),
                    Err(RecvError::Closed) => Err((close_code::RESTART, "shutting down")),
                },
                told = self.phone.next() => {
                    let body = told.unwrap_or_else(|| self.phone.lost());
                    self.say(Utc::now(), body).await
                }
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(message)) => self.hear(message).await,
                        Some(Err(_)) | None => Err((close_code::NORMAL, "gone")),
                    }
                }
                _ = check.tick() => self.check(heard).await,
                _ = ping.tick() => self.send(Message::Ping(Default::default())).await,
            };
            if let Err(close) = step {
                return close;
            }
        }
    }

    async fn check(&mut self, heard: Instant) -> Result<(), Close> {
        if heard.elapsed() > SILENT_AFTER {
            return Err((close_code::AWAY, "nothing heard"));
        }
        if self.access.exp <= Utc::now().timestamp() {
            return Err((CLOSE_SESSION, "token expired"));
        }
        match self.state.sessions.standing(&self.access).await {
            Ok(Some(now)) if now.role == self.who.role && now.reach == self.who.reach => Ok(()),
            Ok(Some(_)) => Err((CLOSE_CHANGED, "role or team changed")),
            Ok(None) => Err((CLOSE_SESSION, "session is over")),
            // The database is away: what was true stays true until the token runs out.
            Err(_) => Ok(()),
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), Close> {
        match message {
            Message::Text(text) => {
                if let Ok(wish) = serde_json::from_str::<PhoneWish>(&text) {
                    let (state, who) = (&self.state, &self.who);
                    return match self.phone.wish(state, who, self.peer, wish).await {
                        Some(body) => self.say(Utc::now(), body).await,
                        None => Ok(()),
                    };
                }
                // A fresh token before the old one runs out; anything else is not for us yet.
                if serde_json::from_str::<LiveHello>(&text).is_err() {
                    return Ok(());
                }
                match admitted(&self.state, &text, self.who.address).await {
                    Some((who, access))
                        if who.user == self.who.user && who.role == self.who.role =>
                    {
                        self.access = access;
                        Ok(())
                    }
                    Some(_) | None => Err((CLOSE_SESSION, "this token does not go on")),
                }
            }
            Message::Close(_) => Err((close_code::NORMAL, "bye")),
            Message::Binary(_) => Err((close_code::UNSUPPORTED, "text only")),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Close> {
        match tokio::time::timeout(SEND_WAIT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err((close_code::NORMAL, "gone")),
            Err(_) => Err((close_code::AGAIN, "too slow")),
        }
    }

    async fn say(&mut self, at: DateTime<Utc>, body: LiveBody) -> Result<(), Close> {
        let message = LiveMessage { seq: self.seq, at, body };
        let text = serde_json::to_string(&message).expect("messages of our own types serialise");
        self.send(Message::Text(text.into())).await
    }

    async fn send_snapshot(&mut self) -> Result<(), Close> {
        let who = &self.who;
        let wanted = |call: &LiveState| {
            call.record.ended_at_ms.is_none()
                && matches!(call.part_of(who), Part::Own | Part::Leader)
        };
        let (seq, calls) = self.state.live.calls(&self.state.store, who.tenant, wanted).await;
        self.seq = seq;
        let failed = |problem: Problem| {
            tracing::warn!(detail = problem.detail, "live snapshot not made");
            (close_code::AGAIN, "try again")
        };
        let agents = self.state.board(&self.who).await.map_err(failed)?;
        let agent = agents.iter().find(|a| a.user_id == self.who.user.uuid()).cloned();
        let shown: Vec<LiveCall> = calls.iter().filter_map(|call| call.shown(&self.who)).collect();
        self.seen.extend(shown.iter().map(|call| CallId::from(call.call_id)));
        let pending = self.pending().await.map_err(failed)?;
        let alerts = self.state.live.alerts(self.who.tenant, self.who.leads());
        let snapshot = Snapshot { agent, calls: shown, pending, agents, alerts };
        self.say(Utc::now(), LiveBody::Snapshot(Box::new(snapshot))).await
    }

    /// Own calls that are over and need an outcome.
    async fn pending(&mut self) -> Result<Vec<LiveCall>, Problem> {
        let view = self.state.dialer.agent(self.who.tenant, self.who.user);
        let mut found = Vec::new();
        for id in view.map(|v| v.pending).unwrap_or_default() {
            if let Some(call) = self.state.live_call(&self.who, id).await? {
                found.push(call);
            }
        }
        Ok(found)
    }

    async fn tell(&mut self, delta: Delta) -> Result<(), Close> {
        match delta {
            Delta::Call { seq, at, change, call } => self.tell_call(seq, at, change, &call).await,
            Delta::Agent { tenant, user, at, agent } => {
                if tenant == self.who.tenant && self.who.reads(Some(user)) {
                    self.say(at, LiveBody::AgentState(agent.as_ref().clone())).await?;
                }
                Ok(())
            }
            Delta::Alert { tenant, at, alert } => {
                let concerned = tenant.is_none_or(|t| t == self.who.tenant && self.who.leads());
                if concerned {
                    self.say(at, LiveBody::Alert(alert.as_ref().clone())).await?;
                }
                Ok(())
            }
        }
    }

    async fn tell_call(
        &mut self,
        seq: i64,
        at: DateTime<Utc>,
        change: CallChange,
        call: &LiveState,
    ) -> Result<(), Close> {
        if call.record.tenant_id != self.who.tenant || seq <= self.seq {
            return Ok(());
        }
        let id = call.record.id;
        let part = call.part_of(&self.who);
        let known = self.seen.contains(&id);
        let over = call.record.ended_at_ms.is_some();
        let change = match part {
            Part::None => return Ok(()),
            // Somebody else has it now: it ends here, once.
            Part::Lost if known => CallChange::Ended,
            Part::Lost => return Ok(()),
            // The first a listener hears of a call is that it exists.
            Part::Own | Part::Leader if !known && !over => CallChange::Started,
            Part::Own | Part::Leader => change,
        };
        let Some(shown) = call.shown(&self.who) else { return Ok(()) };
        let shown = Box::new(shown);
        self.seq = seq;
        let body = match change {
            CallChange::Started => LiveBody::CallStarted(shown),
            CallChange::Answered => LiveBody::CallAnswered(shown),
            CallChange::Updated => LiveBody::CallUpdated(shown),
            CallChange::Ended => LiveBody::CallEnded(shown),
        };
        if change == CallChange::Ended {
            self.seen.remove(&id);
        } else if !over {
            self.seen.insert(id);
        }
        self.say(at, body).await
    }
}

impl AppState {
    /// One call as the live socket shows it, from its events: also after a restart.
    async fn live_call(&self, who: &Principal, id: CallId) -> Result<Option<LiveCall>, Problem> {
        let wanted = |call: &LiveState| call.record.id == id;
        let (_, calls) = self.live.calls(&self.store, who.tenant, wanted).await;
        if let Some(call) = calls.first() {
            return Ok(call.shown(who));
        }
        self.live
            .read(&self.store, who.tenant, id)
            .await
            .map(|c| c.and_then(|c| c.shown(who)))
            .map_err(Into::into)
    }
}
