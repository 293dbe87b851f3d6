//! The switch: SIP transports, call tasks, trunks, registrar shell.
