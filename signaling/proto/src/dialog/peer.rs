//! The far side of one dialog: its tag, its address, the way there (RFC 3261 §12.1, §12.2.1.1).

use super::Dialog;
use crate::endpoint::{Body, Destination, HeaderLine, Reach, Source, read};
use crate::transaction::{ContactLine, Outgoing, parse_uri};
use crate::{Message, Method};
use std::net::IpAddr;

/// The far side of one dialog.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) tag: String,
    /// Its To or From value, with the tag.
    pub(crate) value: String,
    /// The CSeq of its last request.
    pub(crate) cseq: Option<u32>,
    /// Remote target URI.
    pub(crate) target: String,
    /// Route set in the order of sending.
    pub(crate) routes: Vec<String>,
    /// How its last message came.
    pub(crate) flow: Option<Source>,
    /// It takes UPDATE.
    pub(crate) takes_update: bool,
}

impl Peer {
    /// From a response that makes a dialog: Record-Route in reverse order (§12.1.2).
    pub(crate) fn of_response(response: &Message, source: &Source, request_uri: &str) -> Self {
        let mut routes = read::record_routes(response);
        routes.reverse();
        Self {
            tag: response.to_tag().unwrap_or_default().to_owned(),
            value: read::to_value(response),
            cseq: None,
            target: read::contact_uri(response).unwrap_or_else(|| request_uri.to_owned()),
            routes,
            flow: Some(*source),
            takes_update: read::allows(response, "UPDATE"),
        }
    }

    /// From an INVITE (§12.1.1).
    pub(crate) fn of_request(request: &Message, source: &Source) -> Self {
        Self {
            tag: request.from_tag().to_owned(),
            value: read::from_value(request),
            cseq: Some(request.cseq().seq),
            target: read::contact_uri(request).unwrap_or_else(|| request.from().uri.to_string()),
            routes: read::record_routes(request),
            flow: Some(*source),
            takes_update: read::allows(request, "UPDATE"),
        }
    }

    /// A target refresh (§12.2.1.2, §12.2.2) and the way the message came.
    pub(crate) fn refresh(&mut self, message: &Message, source: &Source) {
        self.flow = Some(*source);
        if let Some(target) = read::contact_uri(message) {
            self.target = target;
        }
        if message.has(crate::HeaderName::Allow) {
            self.takes_update = read::allows(message, "UPDATE");
        }
    }

    /// Addresses the peer's own words name: first hop back and contact.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.routes
            .iter()
            .map(String::as_str)
            .chain([self.target.as_str()])
            .filter_map(|uri| parse_uri(uri)?.host.ip())
            .chain(self.flow.map(|source| source.remote.ip()))
    }
}

/// Request-URI and Route values by target and route set; a strict first router gets the
/// request-URI for itself and the target goes last (§12.2.1.1).
pub(crate) fn with_route_set(target: &str, routes: &[String]) -> (String, Vec<String>) {
    let Some(first) = routes.first() else { return (target.to_owned(), Vec::new()) };
    match parse_uri(first) {
        Some(uri) if !uri.is_loose_route() => {
            let mut rest = routes[1..].to_vec();
            rest.push(format!("<{target}>"));
            (uri.without_headers().to_string(), rest)
        }
        Some(_) | None => (target.to_owned(), routes.to_vec()),
    }
}

impl Dialog {
    /// A request to a peer of this dialog; CSeq is the caller's choice.
    pub(super) fn compose(&self, peer: &Peer, method: Method, cseq: u32) -> Outgoing {
        let (request_uri, routes) = with_route_set(&peer.target, &peer.routes);
        Outgoing {
            method,
            request_uri,
            routes,
            from: self.local.clone(),
            to: peer.value.clone(),
            call_id: self.call_id.clone(),
            cseq,
            max_forwards: 70,
            contact: ContactLine::Absent,
            lines: String::new(),
            headers: Vec::new(),
            credentials: Vec::new(),
            body: None,
            server_name: self.server_name.clone(),
        }
    }

    /// The next request to the peer, with the next CSeq.
    pub(super) fn compose_next(
        &mut self,
        peer: &Peer,
        method: Method,
        headers: Vec<HeaderLine>,
        body: Option<Body>,
    ) -> Outgoing {
        self.local_cseq += 1;
        let mut request = self.compose(peer, method, self.local_cseq);
        request.headers = headers;
        request.body = body;
        request
    }

    pub(super) fn contact_line(&self) -> ContactLine {
        match &self.contact {
            Some(value) => ContactLine::Given(value.clone()),
            None => ContactLine::Advertised,
        }
    }

    /// The way to a peer.
    pub(super) fn way_to(&self, peer: &Peer) -> Destination {
        match (self.reach, peer.flow) {
            (Reach::Flow, Some(source)) => Destination::Flow(source),
            (Reach::Flow, None) | (Reach::RouteSet, _) => Destination::Uri,
        }
    }

    /// Notes where the peer may speak from.
    pub(super) fn learn_addresses(&mut self, peer: &Peer) {
        for address in peer.addresses() {
            self.allow_address(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn loose_routers_leave_the_target_in_the_request_uri() {
        let set = routes(&["<sip:p1;lr>", "<sip:p2;lr>"]);
        assert_eq!(with_route_set("sip:b@h", &set), ("sip:b@h".to_owned(), set));
        assert_eq!(with_route_set("sip:b@h", &[]), ("sip:b@h".to_owned(), vec![]));
    }

    /// RFC 3261 §12.2.1.1, §16.12.1.2.
    #[test]
    fn strict_router_takes_the_request_uri_and_the_target_goes_last() {
        let set = routes(&["<sip:p1>", "<sip:p2;lr>"]);
        assert_eq!(
            with_route_set("sip:b@h", &set),
            ("sip:p1".to_owned(), routes(&["<sip:p2;lr>", "<sip:b@h>"]))
        );
    }
}
