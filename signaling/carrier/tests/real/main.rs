//! The carrier on real sockets, called by an independent phone and by SIPp.

mod ears;
mod phone;
mod stories;
mod stories_calling;
mod stories_mix;
mod stories_talking;
mod wire;
