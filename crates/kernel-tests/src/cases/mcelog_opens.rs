//! Opening `/dev/mcelog`, and who may do what with it.

use std::os::fd::{AsFd, OwnedFd};

use mcelog_dev::sys::{Node, Request};
use mcelog_dev::{Device, Error, OpenOptions};
use nix::unistd::{Uid, setuid};

use crate::case::{Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::Guest;

pub(super) const CASE: Case = Case {
    name: "mcelog_opens",
    about: "lengths, O_EXCL until the last duplicate is closed, and life without CAP_SYS_ADMIN",
    kernels: Kernel::MCELOG,
    cpus: Cpu::ALL,
    how: How::Shared(run),
};

fn run(_: &Guest) -> Outcome {
    let exclusive = OpenOptions::new().exclusive(true);
    let busy = |what: &str, opened: Result<Device, Error>| match opened {
        Err(Error::Busy { .. }) => Ok(()),
        Err(other) => Err(Failure::from(other)),
        Ok(_) => Err(Failure::new(format!("{what} was opened"))),
    };

    let device = Device::open()?;
    same("record length", device.lengths().record(), 128)?;
    same("log length", device.lengths().log(), 32)?;
    let second = Device::open()?;
    busy("exclusively beside another", exclusive.open())?;
    drop((device, second));

    let alone = exclusive.open()?;
    busy("beside an exclusive one", Device::open())?;
    let duplicate = alone.as_fd().try_clone_to_owned()?;
    drop(alone);
    busy("beside an exclusive one's duplicate", Device::open())?;
    drop(duplicate);

    // A read with less room than the whole log is refused, and takes nothing.
    let device = Device::open()?;
    let lengths = device.lengths();
    let node = device.into_node();
    for room in [0, 127, 128, 4095] {
        let refused = node.read(&mut vec![0; room]).map_err(|e| e.raw_os_error());
        same("a short read", refused, Err(Some(libc::EINVAL)))?;
    }
    same("a read of everything", node.read(&mut vec![0; 4096])?, 0)?;

    setuid(Uid::from_raw(65534))?;
    let told = Device::open();
    ensure(
        matches!(told, Err(Error::Access { .. })),
        format!("open as nobody: {told:?}"),
    )?;
    let refused = node.ioctl(Request::RecordLen).map_err(|e| e.raw_os_error());
    same("an ioctl as nobody", refused, Err(Some(libc::EPERM)))?;
    let passed = OwnedFd::from(node);
    let told = Device::from_fd(passed.try_clone()?);
    ensure(
        matches!(told, Err(Error::NotPermitted { .. })),
        format!("asked as nobody: {told:?}"),
    )?;
    let mut passed = Device::from_fd_with(passed, lengths);
    ensure(passed.next_event()?.is_none(), "an event from nowhere")
}
