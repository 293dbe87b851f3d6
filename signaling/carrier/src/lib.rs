//! The simulated carrier: a PSTN in a box on real SIP and RTP.
