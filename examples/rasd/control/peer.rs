//! Who is at the other end, and whether he may ask.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt};

/// The kernel's number for a user whom this namespace does not know.
const OVERFLOW_ID: u32 = 65534;

/// Who may ask: root, the daemon's own user, and whom the configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// User ids.
    pub(crate) users: BTreeSet<u32>,
    /// Group ids, of a client's first group.
    pub(crate) groups: BTreeSet<u32>,
}

/// Why a client was sent away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The kernel does not say who it is.
    #[error("the kernel gives no credentials of the client: {0}")]
    Unknown(#[from] nix::Error),
    /// It says, and it is nobody who may.
    #[error(
        "user {user} (group {group}) may not ask: name it under [control] in the configuration"
    )]
    NotAllowed {
        /// Its effective user id.
        user: u32,
        /// Its effective group id.
        group: u32,
    },
}

impl Access {
    /// Whether the client of a connected socket may ask.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn check(&self, socket: &impl AsFd) -> Result<(), Refused> {
        let peer = getsockopt(socket, sockopt::PeerCredentials)?;
        self.check_ids(
            peer.pid(),
            peer.uid(),
            peer.gid(),
            nix::unistd::geteuid().as_raw(),
        )
    }

    fn check_ids(&self, pid: i32, user: u32, group: u32, own: u32) -> Result<(), Refused> {
        // A process of another pid namespace has no number here, a user of another user namespace only the number that
        // they all share: neither tells who it is.
        let known = pid > 0 && user != OVERFLOW_ID;
        let allowed =
            user == 0 || user == own || self.users.contains(&user) || self.groups.contains(&group);
        if known && allowed {
            Ok(())
        } else {
            Err(Refused::NotAllowed { user, group })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_oneself_and_the_named_may_ask() {
        let access = Access {
            users: [1001].into(),
            groups: [44].into(),
        };
        for (user, group) in [(0, 0), (500, 500), (1001, 9), (9, 44)] {
            assert!(
                access.check_ids(7, user, group, 500).is_ok(),
                "{user}:{group}"
            );
        }
    }

    #[test]
    fn others_and_those_without_credentials_are_refused() {
        let access = Access {
            users: [OVERFLOW_ID].into(),
            groups: [44].into(),
        };
        for (pid, user, group) in [(7, 1000, 1000), (0, 0, 0), (7, OVERFLOW_ID, 44)] {
            assert!(
                access.check_ids(pid, user, group, 500).is_err(),
                "{pid} {user}:{group}"
            );
        }
    }
}
