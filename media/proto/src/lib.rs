//! Pure media machines: RTP, RTCP, SDP offer/answer, codecs, DTMF, tones, quality.
