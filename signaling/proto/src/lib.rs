//! Pure SIP machines: messages, transactions, dialogs, digest, registrar.
