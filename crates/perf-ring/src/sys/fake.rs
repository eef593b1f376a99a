//! Answers in place of the kernel, for tests.

use std::cell::RefCell;
use std::ffi::CString;
use std::io;

/// A system call with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Open {
        attr: Vec<u8>,
        pid: i32,
        cpu: i32,
        group: i32,
        flags: u64,
    },
    Ioctl {
        request: u64,
        value: u64,
        text: Option<CString>,
    },
    Read,
    Map {
        len: usize,
        writable: bool,
    },
    Membarrier,
}

/// What a call gives back.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Done,
    Value(u64),
    Bytes(Vec<u8>),
    /// The ring to map.
    Ring(std::sync::Arc<crate::sys::Mapping>),
}

type Kernel = Box<dyn FnMut(Call) -> io::Result<Reply>>;

thread_local! {
    static KERNEL: RefCell<Option<Kernel>> = const { RefCell::new(None) };
}

/// Answers this thread's calls with `kernel` until the guard goes.
pub(crate) fn install(kernel: impl FnMut(Call) -> io::Result<Reply> + 'static) -> Guard {
    KERNEL.set(Some(Box::new(kernel)));
    Guard
}

#[derive(Debug)]
pub(crate) struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        KERNEL.set(None);
    }
}

pub(crate) fn answer(call: Call) -> Option<io::Result<Reply>> {
    KERNEL.with_borrow_mut(|kernel| kernel.as_mut().map(|kernel| kernel(call)))
}
