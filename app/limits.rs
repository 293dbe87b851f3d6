//! What the system lets this process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many open files as the system allows: a call has four sockets, and the usual soft
/// limit of 1024 would end at some 200 calls.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let wanted = Rlimit { current: limit.maximum, ..limit };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => tracing::debug!(from = limit.current, to = limit.maximum, "open files"),
        Err(error) => tracing::warn!(%error, limit = limit.current, "open files stay limited"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_the_open_files_there_may_be_are_taken() {
        raise_open_files();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
