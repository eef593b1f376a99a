//! What a `/dev/mcelog` does, checked at the seam: by the kernel's in a guest, and by the fake in a test beside this.

use std::path::Path;
use std::time::Duration;

use mcekit::wire::Wire;
use mcelog_dev::sys::{DEVICE, Driver, Mode, Node, Request};
use mcelog_dev::{Error, Injection, Injector, OpenOptions};

use super::mcelog::corrected;
use crate::case::{Failure, Outcome, ensure, same};

const SHARED: Mode = Mode {
    write: false,
    exclusive: false,
};
const EXCLUSIVE: Mode = Mode {
    write: false,
    exclusive: true,
};

/// Bytes of a read that has room for the whole log.
const ROOM: usize = 32 * 128;

/// Checks all of it on a device with an empty log. `log` makes an error with that address occur.
///
/// # Errors
///
/// With what does not hold.
pub fn holds<D: Driver>(driver: &D, log: &mut dyn FnMut(u64) -> Outcome) -> Outcome {
    opening(driver)?;
    let node = driver.open(Path::new(DEVICE), SHARED)?;
    reading(&node, log)?;
    overflow(&node, log)?;
    sharing(driver, &node, log)?;
    drop(node);
    writing(driver)
}

fn errno<T>(result: std::io::Result<T>) -> Result<T, Option<i32>> {
    result.map_err(|e| e.raw_os_error())
}

fn refused<T>(what: &str, result: std::io::Result<T>, want: i32) -> Outcome {
    same(what, errno(result).err(), Some(Some(want)))
}

fn opening<D: Driver>(driver: &D) -> Outcome {
    let open = |mode| driver.open(Path::new(DEVICE), mode);
    let (one, two) = (open(SHARED)?, open(SHARED)?);
    refused("exclusive beside others", open(EXCLUSIVE), libc::EBUSY)?;
    drop((one, two));
    let alone = open(EXCLUSIVE)?;
    refused("shared beside exclusive", open(SHARED), libc::EBUSY)?;
    refused("exclusive beside exclusive", open(EXCLUSIVE), libc::EBUSY)?;
    drop(alone);
    drop(open(SHARED)?);
    Ok(())
}

fn reading<N: Node>(node: &N, log: &mut dyn FnMut(u64) -> Outcome) -> Outcome {
    let none = Some(Duration::ZERO);
    same("record length", node.ioctl(Request::RecordLen)?, 128)?;
    same("log length", node.ioctl(Request::LogLen)?, 32)?;
    node.ioctl(Request::GetClearFlags)?;
    let mut buffer = [0; 2 * ROOM];
    for room in [0, 1, 127, 128, ROOM - 1] {
        refused(
            "a short read of nothing",
            node.read(&mut buffer[..room]),
            libc::EINVAL,
        )?;
    }
    same("a read of nothing", node.read(&mut buffer[..ROOM])?, 0)?;
    same("a wait for nothing", node.wait(none)?, false)?;
    log(0x1000)?;
    same("a wait", node.wait(Some(Duration::from_secs(5)))?, true)?;
    refused(
        "a short read",
        node.read(&mut buffer[..ROOM - 1]),
        libc::EINVAL,
    )?;
    same("a wait after a short read", node.wait(none)?, true)?;
    same("a read with more room", node.read(&mut buffer)?, 128)?;
    let mce = Wire::read(&buffer[..128])?.mce;
    same("addr", mce.addr, 0x1000)?;
    same("finished, kflags", (mce.finished, mce.kflags), (1, 0))?;
    same("a wait after the read", node.wait(none)?, false)?;
    same("flags", node.ioctl(Request::GetClearFlags)?, 0)
}

fn overflow<N: Node>(node: &N, log: &mut dyn FnMut(u64) -> Outcome) -> Outcome {
    for n in 0..40 {
        log(0x1000 * n)?;
    }
    // The last ones may still be on their way.
    std::thread::sleep(Duration::from_millis(100));
    same(
        "flags of an overflow",
        node.ioctl(Request::GetClearFlags)?,
        1,
    )?;
    same("flags, cleared", node.ioctl(Request::GetClearFlags)?, 0)?;
    let mut buffer = [0; ROOM];
    same("a read of a full log", node.read(&mut buffer)?, ROOM)?;
    for (n, record) in (0..).zip(buffer.chunks_exact(128)) {
        same(
            "the oldest are kept: addr",
            Wire::read(record)?.mce.addr,
            0x1000 * n,
        )?;
    }
    same("a read after that", node.read(&mut buffer)?, 0)
}

fn sharing<D: Driver>(driver: &D, node: &D::Node, log: &mut dyn FnMut(u64) -> Outcome) -> Outcome {
    let other = driver.open(Path::new(DEVICE), SHARED)?;
    log(0x2000)?;
    same("a wait", node.wait(Some(Duration::from_secs(5)))?, true)?;
    same(
        "a wait of the other",
        other.wait(Some(Duration::ZERO))?,
        true,
    )?;
    let mut buffer = [0; ROOM];
    same("a read of the other", other.read(&mut buffer)?, 128)?;
    same("a read", node.read(&mut buffer)?, 0)?;
    refused(
        "a write without asking for it",
        node.write_on(0, &[0; 128]),
        libc::EBADF,
    )
}

fn writing<D: Driver>(driver: &D) -> Outcome {
    let mut device = OpenOptions::new().write(true).open_with(driver)?;
    let record = corrected(1, 2, 0x3000);
    device.inject(&Injection::new(record))?;
    let limit = Some(Duration::from_secs(5));
    let Some(mcelog_dev::Event::Record(entry)) = device.next_within(limit)? else {
        return Err(Failure::new("what was written does not come out"));
    };
    let mce = entry.wire().mce;
    same("status", mce.status, record.status().0)?;
    same("addr and misc", (mce.addr, mce.misc), (0x3000, 0x8c))?;
    same("cpu and bank", (mce.extcpu, mce.bank), (1, 2))?;
    same(
        "finished, flags",
        (mce.finished, mce.inject_flags, mce.kflags),
        (1, 0, 0),
    )?;
    let error = device.inject(&Injection::new(record.with_cpu(99))).err();
    let told = matches!(error, Some(Error::CpuOffline { cpu: 99 }));
    ensure(told, format!("cpu 99: {error:?}"))?;
    ensure(device.next_event()?.is_none(), "a record from nowhere")
}

#[cfg(test)]
mod tests {
    use mcelog_dev::fake::Fake;

    use super::{corrected, holds};

    #[test]
    fn the_fake_keeps_the_contract() {
        let fake = Fake::new();
        let held = holds(&fake, &mut |addr| {
            fake.log(&corrected(0, 1, addr));
            Ok(())
        });
        held.map_err(|why| why.0).expect("the contract");
    }
}
