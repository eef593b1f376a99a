//! What a case is, and on which machines it runs.

use std::fmt;

use crate::guest::Guest;
use crate::host::Transcript;

/// A kernel that the host's side knows how to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kernel {
    /// Built here from Debian's 6.1 source: small, boots in a second, has `/dev/mcelog`.
    Mcelog61,
    /// Debian's 6.1, as it is.
    Stock61,
    /// Debian's 6.12, as it is.
    Stock612,
    /// The newest that Debian has for a release (its backports), as it is.
    StockNew,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: &'static [Self] = &[
        Self::Mcelog61,
        Self::Stock61,
        Self::Stock612,
        Self::StockNew,
    ];
    /// Every kernel but the newest: for boots that tell of it nothing that its other boots do not.
    pub const OLDER: &'static [Self] = &[Self::Mcelog61, Self::Stock61, Self::Stock612];
    /// Debian's own kernels.
    pub const STOCK: &'static [Self] = &[Self::Stock61, Self::Stock612, Self::StockNew];
    /// The kernels that make trace instances while they boot, and map rings.
    pub const BOOT_INSTANCES: &'static [Self] = &[Self::Stock612, Self::StockNew];
    /// The kernels with `/dev/mcelog`.
    pub const MCELOG: &'static [Self] = &[Self::Mcelog61];

    /// The name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mcelog61 => "mcelog-6.1",
            Self::Stock61 => "stock-6.1",
            Self::Stock612 => "stock-6.12",
            Self::StockNew => "stock-new",
        }
    }

    /// Parameters without which this kernel hides what the cases look for: Debian's kernels since
    /// 6.12 keep corrected memory errors to themselves (`RAS_CEC`).
    #[must_use]
    pub const fn parameters(self) -> &'static str {
        match self {
            Self::Stock612 | Self::StockNew => "ras=cec_disable",
            Self::Mcelog61 | Self::Stock61 => "",
        }
    }
}

/// The processor that the guest believes it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cpu {
    /// Family 6 model 85: broadcast exceptions, recoverable errors.
    Intel,
    /// Family 15h model 2: no scalable MCA, decoded by `edac_mce_amd`.
    Amd,
}

impl Cpu {
    /// Both vendors.
    pub const ALL: &'static [Self] = &[Self::Intel, Self::Amd];
    /// Intel-like guests only.
    pub const INTEL: &'static [Self] = &[Self::Intel];
    /// AMD-like guests only.
    pub const AMD: &'static [Self] = &[Self::Amd];

    /// The name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intel => "intel",
            Self::Amd => "amd",
        }
    }

    /// QEMU's `-cpu`. Without `-hypervisor` the kernel's AMD decoder refuses to load.
    #[must_use]
    pub const fn qemu(self) -> &'static str {
        match self {
            Self::Intel => "max,vendor=GenuineIntel,family=6,model=85,stepping=4",
            Self::Amd => "max,vendor=AuthenticAMD,family=21,model=2,stepping=0,-hypervisor",
        }
    }
}

/// One kernel on one processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Machine {
    /// The kernel.
    pub kernel: Kernel,
    /// The processor.
    pub cpu: Cpu,
}

impl Machine {
    /// The machine of that `KERNEL/CPU` name, as [`fmt::Display`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|m| m.to_string() == name)
    }

    /// Every machine.
    pub fn all() -> impl Iterator<Item = Self> {
        Kernel::ALL
            .iter()
            .flat_map(|&kernel| Cpu::ALL.iter().map(move |&cpu| Self { kernel, cpu }))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.kernel.name(), self.cpu.name()))
    }
}

/// Why a case failed: one sentence for the report.
#[derive(Debug)]
pub struct Failure(pub String);

impl Failure {
    /// A failure with this sentence.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

// `Failure` is not an `Error`, so that every error becomes one by `?`.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(c) = cause {
            text.push_str(": ");
            text.push_str(&c.to_string());
            cause = c.source();
        }
        Self(text)
    }
}

/// How a case or a check ends.
pub type Outcome = Result<(), Failure>;

/// Fails with `what`, if the two differ.
///
/// # Errors
///
/// Where they do, with both of them.
pub fn same<T: PartialEq + fmt::Debug + Copy>(what: &str, got: T, want: T) -> Outcome {
    if got == want {
        return Ok(());
    }
    Err(Failure(format!("{what}: {got:#x?}, and not {want:#x?}")))
}

/// Fails with `what`, unless it is so.
///
/// # Errors
///
/// Where it is not so.
pub fn ensure(so: bool, what: impl Into<String>) -> Outcome {
    if so {
        Ok(())
    } else {
        Err(Failure(what.into()))
    }
}

/// The part of a case that runs inside the guest.
pub type Inside = fn(&Guest) -> Outcome;

/// The part of a case that looks at what the guest printed, on the host.
pub type Check = fn(&Transcript) -> Outcome;

/// One case.
#[derive(Debug)]
pub struct Case {
    /// Its name, that of its file.
    pub name: &'static str,
    /// What is true if it passes, in one line.
    pub about: &'static str,
    /// The kernels it runs on.
    pub kernels: &'static [Kernel],
    /// The processors it runs on.
    pub cpus: &'static [Cpu],
    /// How it runs.
    pub how: How,
}

impl Case {
    /// Whether it runs on this machine. On the newest kernel, an AMD-like guest has the shared boot only: that takes time enough.
    #[must_use]
    pub fn runs_on(&self, machine: Machine) -> bool {
        let newest_amd = machine.kernel == Kernel::StockNew && machine.cpu == Cpu::Amd;
        let here = !newest_amd || matches!(self.how, How::Shared(_));
        here && self.kernels.contains(&machine.kernel) && self.cpus.contains(&machine.cpu)
    }
}

/// How a case runs.
#[derive(Debug)]
pub enum How {
    /// In the boot that the ordinary cases of a machine share, in a process of its own. It
    /// leaves the knobs as it found them.
    Shared(Inside),
    /// In boots of its own, one after another, with an ERST store and a disk that outlive them.
    Boots(&'static [Boot]),
}

/// One boot of a case.
#[derive(Debug)]
pub struct Boot {
    /// What runs inside.
    pub run: Inside,
    /// More kernel parameters.
    pub append: &'static str,
    /// Virtual CPUs.
    pub cpus: u8,
    /// How the boot is to end.
    pub ends: Ends,
    /// Whether systemd is the guest's first program, with the disk as its root.
    pub systemd: bool,
    /// A look at the transcript afterwards.
    pub check: Option<Check>,
    /// Whether the daemon is in the guest, as [`RASD`](crate::guest::RASD).
    pub rasd: bool,
    /// How often the guest restarts itself, its memory staying as it is; [`Boot::run`] runs
    /// each time.
    pub restarts: u8,
}

impl Boot {
    /// Two CPUs, no parameters, an orderly end.
    #[must_use]
    pub const fn new(run: Inside) -> Self {
        Self {
            run,
            append: "",
            cpus: 2,
            ends: Ends::Itself,
            systemd: false,
            check: None,
            rasd: false,
            restarts: 0,
        }
    }

    /// The kernel is to panic in it; an orderly end is a failure.
    #[must_use]
    pub const fn panics(self) -> Self {
        Self {
            ends: Ends::Panic,
            ..self
        }
    }

    /// The case has the machine go down, and it is waited for that.
    #[must_use]
    pub const fn powers_off(self) -> Self {
        Self {
            ends: Ends::PowerOff,
            ..self
        }
    }

    /// With these kernel parameters.
    #[must_use]
    pub const fn append(self, append: &'static str) -> Self {
        Self { append, ..self }
    }

    /// With systemd, its journal and its root file system, on the disk that outlives the boots: see
    /// [`guest::systemd`](crate::guest::systemd). All boots of a case have it, or none.
    #[must_use]
    pub const fn with_systemd(self) -> Self {
        Self {
            systemd: true,
            ..self
        }
    }

    /// With this number of CPUs.
    #[must_use]
    pub const fn cpus(self, cpus: u8) -> Self {
        Self { cpus, ..self }
    }

    /// With the daemon in the guest.
    #[must_use]
    pub const fn with_rasd(self) -> Self {
        Self { rasd: true, ..self }
    }

    /// The guest restarts itself so often, and ends orderly only then. The emulated memory keeps its contents, as that
    /// of a real machine does where the firmware leaves it alone.
    #[must_use]
    pub const fn restarts(self, restarts: u8) -> Self {
        Self { restarts, ..self }
    }

    /// With a look at the transcript afterwards.
    #[must_use]
    pub const fn checked(self, check: Check) -> Self {
        Self {
            check: Some(check),
            ..self
        }
    }
}

/// How a boot is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The case returns.
    Itself,
    /// The kernel panics.
    Panic,
    /// The case returns, and the machine goes down in order.
    PowerOff,
}
