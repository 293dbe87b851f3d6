//! Offers and answers in, exact descriptions and agreements out.

use super::*;

fn terms(codecs: &[Codec]) -> Terms {
    Terms {
        codecs: codecs.iter().copied().collect(),
        telephone_event: true,
        own_event_type: false,
        ptime_ms: 20,
        address: "192.0.2.10".parse().expect("an address"),
        port: 20_000,
        browser: None,
    }
}

fn leg() -> Negotiation {
    Negotiation::new(terms(&[Codec::Pcma, Codec::Pcmu]), 7)
}

fn offer(media: &str) -> Vec<u8> {
    format!(
        "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n{media}"
    )
    .into_bytes()
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).expect("our own text")
}

#[test]
fn the_offer_names_our_codecs_in_order_and_telephone_events() {
    let sdp = text(&leg().offer(MediaDirection::SendRecv));
    assert_eq!(
        sdp,
        "v=0\r\no=- 7 7 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
}

#[test]
fn the_answer_takes_the_offerers_order_and_echoes_its_event_type() {
    let offered = offer(
        "m=audio 4000 RTP/AVP 18 0 8 96\r\na=rtpmap:18 G729/8000\r\n\
         a=rtpmap:96 telephone-event/8000\r\n",
    );
    let answer = leg().answer(&offered).expect("acceptable");
    assert_eq!(answer.agreed.codec, Codec::Pcmu);
    assert_eq!(answer.agreed.telephone_event, Some(EventTypes { send: 96, receive: 96 }));
    assert!(text(&answer.sdp).contains("m=audio 20000 RTP/AVP 0 96\r\n"));
    assert_eq!(answer.agreed.remote, Some("198.51.100.7:4000".parse().expect("an address")));
    assert_eq!(answer.agreed.remote_rtcp, Some("198.51.100.7:4001".parse().expect("an address")));
}

#[test]
fn an_a_law_only_trunk_gets_a_law() {
    let mut trunk = Negotiation::new(terms(&[Codec::Pcma]), 7);
    let answer = trunk.answer(&offer("m=audio 4000 RTP/AVP 0 8\r\n")).expect("acceptable");
    assert_eq!(answer.agreed.codec, Codec::Pcma);
    assert!(text(&answer.sdp).contains("m=audio 20000 RTP/AVP 8\r\n"));
}

#[test]
fn a_dynamic_payload_type_of_a_codec_of_ours_is_kept_over_re_offers() {
    let mut leg = leg();
    let offered = offer("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 pcma/8000/1\r\n");
    assert_eq!(leg.answer(&offered).expect("acceptable").agreed.payload_type, 97);
    let ours = text(&leg.offer(MediaDirection::SendOnly));
    assert!(ours.contains("m=audio 20000 RTP/AVP 97 0 101\r\n"), "{ours}");
    assert!(ours.contains("a=sendonly"));
}

#[test]
fn who_insists_on_its_own_event_type_answers_with_it_and_sends_with_theirs() {
    let own = Terms { own_event_type: true, ..terms(&[Codec::Pcma]) };
    for (theirs, ours) in [(96, 101), (101, 101), (100, 101)] {
        let mut leg = Negotiation::new(own.clone(), 7);
        let lines = format!(
            "m=audio 4000 RTP/AVP 8 {theirs}\r\na=rtpmap:{theirs} telephone-event/8000\r\n"
        );
        let answer = leg.answer(&offer(&lines)).expect("acceptable");
        let types = EventTypes { send: theirs, receive: ours };
        assert_eq!(answer.agreed.telephone_event, Some(types));
        let text = String::from_utf8_lossy(&answer.sdp).into_owned();
        assert!(text.contains("RTP/AVP 8 101\r\n"), "{text}");
        assert_eq!(text.matches("telephone-event").count(), 1, "{text}");
    }
    let mut silent = Negotiation::new(own, 7);
    let answer = silent.answer(&offer("m=audio 4000 RTP/AVP 8\r\n")).expect("acceptable");
    assert_eq!(answer.agreed.telephone_event, None, "who offered none gets none");
}

#[test]
fn their_event_type_is_kept_when_we_offer_later() {
    let mut leg = leg();
    let offered = offer("m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000\r\n");
    leg.answer(&offered).expect("acceptable");
    assert!(text(&leg.offer(MediaDirection::SendOnly)).contains("RTP/AVP 8 0 96\r\n"));
}

#[test]
fn the_version_rises_only_when_something_changed() {
    let mut leg = leg();
    let version = |b: &Bytes| text(b).split(' ').nth(2).expect("o= line").to_owned();
    let first = leg.offer(MediaDirection::SendRecv);
    let same = leg.offer(MediaDirection::SendRecv);
    let held = leg.offer(MediaDirection::SendOnly);
    let again = leg.offer(MediaDirection::SendOnly);
    assert_eq!([&first, &same, &held, &again].map(version), ["7", "7", "8", "8"]);
}

#[test]
fn hold_and_resume_are_answered_from_our_side() {
    for (theirs, ours, wanted) in [
        ("sendonly", MediaDirection::RecvOnly, MediaDirection::SendOnly),
        ("recvonly", MediaDirection::SendOnly, MediaDirection::RecvOnly),
        ("inactive", MediaDirection::Inactive, MediaDirection::Inactive),
        ("sendrecv", MediaDirection::SendRecv, MediaDirection::SendRecv),
    ] {
        let mut leg = leg();
        let offered = offer(&format!("m=audio 4000 RTP/AVP 8\r\na={theirs}\r\n"));
        let answer = leg.answer(&offered).expect("acceptable");
        assert_eq!((answer.agreed.direction, answer.wanted), (ours, wanted), "{theirs}");
        assert!(text(&answer.sdp).contains(&format!("a={}\r\n", ours.attribute())));
    }
}

#[test]
fn the_zero_address_is_a_hold_without_a_place_to_send_to() {
    let held = offer("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n");
    let answer = leg().answer(&held).expect("acceptable");
    assert_eq!(answer.wanted, MediaDirection::SendOnly);
    assert_eq!((answer.agreed.remote, answer.agreed.remote_rtcp), (None, None));
    assert!(!answer.agreed.direction.sends());
}

#[test]
fn while_we_hold_their_refresh_does_not_resume() {
    let mut leg = leg();
    leg.answer(&offer("m=audio 4000 RTP/AVP 8\r\n")).expect("acceptable");
    leg.offer(MediaDirection::SendOnly);
    let agreed = leg.accept_answer(&offer("m=audio 4000 RTP/AVP 8\r\na=recvonly\r\n"));
    assert_eq!(agreed.expect("acceptable").direction, MediaDirection::SendOnly);
    let refresh = leg.answer(&offer("m=audio 4000 RTP/AVP 8\r\n")).expect("acceptable");
    assert_eq!(refresh.agreed.direction, MediaDirection::SendOnly);
}

#[test]
fn a_hold_they_refused_is_no_wish_of_ours_later() {
    let mut leg = leg();
    leg.answer(&offer("m=audio 4000 RTP/AVP 8\r\n")).expect("acceptable");
    leg.offer(MediaDirection::SendOnly);
    let refresh = leg.answer(&offer("m=audio 4000 RTP/AVP 8\r\n")).expect("acceptable");
    assert_eq!(refresh.agreed.direction, MediaDirection::SendRecv);
}

#[test]
fn what_they_offered_and_we_allow_may_be_received() {
    let offered = offer("m=audio 4000 RTP/AVP 18 0 8\r\n");
    let agreed = leg().answer(&offered).expect("acceptable").agreed;
    assert_eq!(agreed.receive.as_slice(), [(0, Codec::Pcmu), (8, Codec::Pcma)]);
    let mut trunk = Negotiation::new(terms(&[Codec::Pcma]), 7);
    let agreed = trunk.answer(&offered).expect("acceptable").agreed;
    assert_eq!(agreed.receive.as_slice(), [(8, Codec::Pcma)]);
}

#[test]
fn other_media_lines_are_refused_in_their_place() {
    let offered = offer(
        "m=video 5000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\nm=audio 4000 RTP/AVP 8\r\n\
         m=application 9 UDP/BFCP *\r\nm=audio 4010 RTP/AVP 0\r\n",
    );
    let mut leg = leg();
    let answer = text(&leg.answer(&offered).expect("acceptable").sdp);
    let lines: Vec<&str> = answer.lines().filter(|l| l.starts_with("m=")).collect();
    let audio = "m=audio 20000 RTP/AVP 8";
    let video = "m=video 0 RTP/AVP 99";
    assert_eq!(lines, [video, audio, "m=application 0 UDP/BFCP *", "m=audio 0 RTP/AVP 0"]);
    let again = text(&leg.offer(MediaDirection::SendRecv));
    assert_eq!(again.lines().filter(|l| l.starts_with("m=")).count(), 4);
}

#[test]
fn rtcp_mux_is_accepted_when_offered_and_its_own_port_is_taken_otherwise() {
    let muxed = offer("m=audio 4000 RTP/AVP 8\r\na=rtcp-mux\r\n");
    let answer = leg().answer(&muxed).expect("acceptable");
    assert!(answer.agreed.rtcp_mux && text(&answer.sdp).contains("a=rtcp-mux\r\n"));
    assert_eq!(answer.agreed.remote_rtcp, answer.agreed.remote);
    let named = offer("m=audio 4000 RTP/AVP 8\r\na=rtcp:53020 IN IP4 198.51.100.9\r\n");
    let answer = leg().answer(&named).expect("acceptable");
    let expected = Some("198.51.100.9:53020".parse().expect("an address"));
    assert_eq!(answer.agreed.remote_rtcp, expected);
}

#[test]
fn an_answer_chooses_from_our_offer_and_may_be_given_twice() {
    let mut leg = leg();
    assert_eq!(leg.accept_answer(&offer("m=audio 1 RTP/AVP 8\r\n")), Err(SdpError::NoPendingOffer));
    leg.offer(MediaDirection::SendRecv);
    let early = leg.accept_answer(&offer("m=audio 4000 RTP/AVP 0\r\n")).expect("acceptable");
    assert_eq!((early.codec, early.telephone_event), (Codec::Pcmu, None));
    let answered = offer("m=audio 4002 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000\r\n");
    let answered = leg.accept_answer(&answered).expect("acceptable");
    assert_eq!(answered.codec, Codec::Pcma);
    assert_eq!(answered.telephone_event, Some(EventTypes { send: 96, receive: 101 }));
    assert_eq!(answered.receive.as_slice(), [(8, Codec::Pcma), (0, Codec::Pcmu)]);
}

#[test]
fn an_answer_with_other_media_lines_or_port_zero_is_refused_and_changes_nothing() {
    let mut leg = leg();
    leg.offer(MediaDirection::SendRecv);
    let before = leg.accept_answer(&offer("m=audio 4000 RTP/AVP 8\r\n")).expect("acceptable");
    let two = offer("m=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP 99\r\n");
    assert_eq!(leg.accept_answer(&two), Err(SdpError::AnswerMismatch));
    assert_eq!(leg.accept_answer(&offer("m=audio 0 RTP/AVP 8\r\n")), Err(SdpError::NoAudio));
    let foreign = offer("m=audio 4000 RTP/AVP 18\r\n");
    assert_eq!(leg.accept_answer(&foreign), Err(SdpError::NoSharedCodec));
    assert_eq!(leg.agreed(), Some(&before));
}

#[test]
fn ipv6_is_written_and_read_and_families_do_not_mix() {
    let mut six = terms(&[Codec::Pcma]);
    six.address = "2001:db8::5".parse().expect("an address");
    let mut leg6 = Negotiation::new(six, 7);
    let offered = "v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\n\
                   m=audio 4000 RTP/AVP 8\r\n";
    let answer = leg6.answer(offered.as_bytes()).expect("acceptable");
    assert!(text(&answer.sdp).contains("c=IN IP6 2001:db8::5\r\n"));
    assert_eq!(leg().answer(offered.as_bytes()), Err(SdpError::AddressFamily));
    assert_eq!(peer_address(offered.as_bytes()), Some("2001:db8::9".parse().expect("an address")));
}

/// A19.
#[test]
fn hostile_descriptions_end_in_typed_errors() {
    let many: String = "m=audio 4000 RTP/AVP 8\r\n".repeat(200);
    let long_kind = format!("m={} 4000 RTP/AVP 8\r\n", "a".repeat(1024));
    type Expected = fn(&SdpError) -> bool;
    let cases: Vec<(Vec<u8>, Expected)> = vec![
        (b"".to_vec(), |e| matches!(e, SdpError::Malformed(_))),
        (vec![b'v'; BODY_BYTES_MAX + 1], |e| matches!(e, SdpError::TooLong(_))),
        (offer(""), |e| *e == SdpError::NoAudio),
        (offer(&many), |e| *e == SdpError::TooManyMedia(200)),
        (offer(&long_kind), |e| matches!(e, SdpError::Malformed(_))),
        (offer("m=audio 4000 RTP/AVP 8\r\na=ptime:0\r\n"), |e| *e == SdpError::PacketTime(0)),
        (offer("m=audio 4000 RTP/AVP 8\r\na=maxptime:0\r\n"), |e| *e == SdpError::PacketTime(0)),
        (offer("m=audio 4000 RTP/AVP 8\r\na=ptime:65535\r\n"), |e| {
            *e == SdpError::PacketTime(65_535)
        }),
        (offer("m=audio 4000 RTP/AVP 8\r\na=fmtp:8 \0\r\n"), |e| {
            matches!(e, SdpError::Malformed(_))
        }),
        (offer("m=audio 70000 RTP/AVP 8\r\n"), |e| matches!(e, SdpError::Malformed(_))),
        (offer("m=audio 4000 RTP/AVP 18 9\r\n"), |e| *e == SdpError::NoSharedCodec),
        (offer("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 L16/8000\r\n"), |e| {
            *e == SdpError::NoSharedCodec
        }),
        (offer("m=audio 4000 RTP/SAVP 8\r\n"), |e| *e == SdpError::UnsupportedProfile),
        (offer("m=audio 0 RTP/AVP 8\r\n"), |e| *e == SdpError::NoAudio),
        (offer("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 239.1.1.1\r\n"), |e| *e == SdpError::NoAddress),
        (offer("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 sip.example\r\n"), |e| {
            *e == SdpError::NoAddress
        }),
        (b"v=0\r\nm=audio 4000 RTP/AVP 8\r\n".to_vec(), |e| *e == SdpError::NoAddress),
    ];
    for (body, expected) in cases {
        let error = leg().answer(&body).expect_err("hostile");
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        assert!(expected(&error), "{error:?} for {shown}");
    }
}

#[test]
fn the_last_port_has_no_rtcp_neighbour() {
    let answer = leg().answer(&offer("m=audio 65535 RTP/AVP 8\r\n")).expect("acceptable");
    assert_eq!(answer.agreed.remote_rtcp, None);
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = leg().answer(&body);
        let _ = peer_address(&body);
    }

    #[test]
    fn no_odd_lines_panic(
        lines in proptest::collection::vec("[vosctmarikbz]=[ -~]{0,40}", 0..20)
    ) {
        let mut leg = leg();
        leg.offer(MediaDirection::SendRecv);
        let body = format!("v=0\r\n{}", lines.join("\r\n"));
        let _ = leg.accept_answer(body.as_bytes());
        let _ = leg.answer(body.as_bytes());
    }
}
