//! A 1 KB INVITE with everything that a call needs.

pub(crate) const INVITE: &str = "INVITE sip:+919876543210@sip.carrier.example:5060;user=phone SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK776asdhds8f7a6sd5f\r\n\
Via: SIP/2.0/UDP 10.20.30.40:5070;received=198.51.100.7;rport=61234;branch=z9hG4bKnashds8\r\n\
Max-Forwards: 69\r\n\
From: \"Asha Rao\" <sip:+918045678900@pratham.example>;tag=1928301774\r\n\
To: <sip:+919876543210@sip.carrier.example;user=phone>\r\n\
Call-ID: a84b4c76e66710-7f3d-4a6e@192.0.2.10\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:+918045678900@192.0.2.10:5060;transport=udp>\r\n\
Record-Route: <sip:192.0.2.1;lr;ftag=1928301774>\r\n\
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY\r\n\
Supported: 100rel, timer, replaces, outbound\r\n\
Session-Expires: 1800;refresher=uac\r\n\
Min-SE: 90\r\n\
P-Asserted-Identity: <sip:+918045678900@pratham.example>\r\n\
User-Agent: TeleHub\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 234\r\n\
\r\n\
v=0\r\n\
o=- 3911238400 3911238400 IN IP4 192.0.2.10\r\n\
s=-\r\n\
c=IN IP4 192.0.2.10\r\n\
t=0 0\r\n\
m=audio 20344 RTP/AVP 8 0 101\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-16\r\n\
a=ptime:20\r\n\
a=sendrecv\r\n";
