//! Handles of the things an endpoint keeps.

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    };
}

handle! {
    /// A UDP socket or a stream connection, numbered by the shell, never reused.
    FlowId
}
handle! {
    /// One message handed to the network.
    TransmitId
}
handle! {
    /// One transaction, ours or theirs.
    TransactionId
}
handle! {
    /// One INVITE and the dialog that grows from it.
    DialogId
}
handle! {
    /// One question for the addresses of a host.
    ResolveId
}
