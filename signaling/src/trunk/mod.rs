//! Trunks: who they are, whether they can be used, how many calls they carry.

mod book;
mod egress;
mod follow;
mod network;
mod watch;

pub(crate) use book::{Trunk, Trunks};
pub(crate) use egress::Channel;
pub(crate) use follow::{ORDER_QUEUE, TrunkNeighbours, TrunkOrder, run as run_trunks};
