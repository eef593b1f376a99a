//! What the daemon still needs once its sources are open, by its configuration.

use std::path::{Path, PathBuf};

use mcekit_source::Channel;

use crate::config::Config;
use crate::config::values::Target;
use crate::privileges::{Fences, Needed, give_up};
use crate::say;

/// Where sources let the kernel forget what is safe.
const KERNELS: [&str; 3] = [
    "/sys/kernel/tracing",
    "/sys/kernel/debug/tracing",
    "/sys/fs/pstore",
];

/// Gives up what is not needed any more, if the configuration wants that; `triggers`: what the process that runs them has
/// given up.
pub(crate) fn put_up(
    config: &Config,
    state: &Path,
    socket: Option<&Path>,
    channels: impl Iterator<Item = Channel>,
    triggers: Option<&Fences>,
) -> Option<Fences> {
    if let Some(fences) = triggers {
        tell("rights of the process that runs triggers", fences);
    }
    if !config.rights.give_up {
        return None;
    }
    let needed = needed(config, state, socket, channels);
    let fences = give_up(&needed);
    tell("rights", &fences);
    Some(fences)
}

fn tell(what: &str, fences: &Fences) {
    say::note(format_args!("{what}: {fences}"));
    for missing in &fences.missing {
        say::warn(format_args!("{what}: could not be given up: {missing}"));
    }
}

fn needed(
    config: &Config,
    state: &Path,
    socket: Option<&Path>,
    channels: impl Iterator<Item = Channel>,
) -> Needed {
    let mut needed = Needed {
        writes: vec![state.to_owned()],
        network: config.metrics.listen.is_some(),
        ..Needed::default()
    };
    let mut live = false;
    for channel in channels {
        needed.perf |= matches!(channel, Channel::Perf);
        needed.programs |= matches!(channel, Channel::Journal);
        needed.kernel_log |= matches!(channel, Channel::Pstore | Channel::Kmsg);
        live |= channel != Channel::Replay;
    }
    if live {
        needed.writes.extend(KERNELS.map(PathBuf::from));
    }
    let ndjson = match &config.output.ndjson.to {
        Some(Target::File(path)) => Some(path.as_path()),
        _ => None,
    };
    // Each of these is removed, renamed or made anew, so it is the folder that counts.
    let files = [
        socket,
        config.output.log.file.as_deref(),
        ndjson,
        config.metrics.file.as_deref(),
    ];
    let folders = files.into_iter().flatten().filter_map(Path::parent);
    needed.writes.extend(folders.map(Path::to_owned));
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_can_be_written() {
        let mut config = Config::default();
        config.output.log.file = Some("/var/log/rasd.log".into());
        config.metrics.file = Some("/var/lib/prometheus/rasd.prom".into());
        let needed = needed(
            &config,
            Path::new("/var/lib/rasd"),
            Some(Path::new("/run/rasd/rasd.sock")),
            [Channel::Trace, Channel::Pstore].into_iter(),
        );
        for path in [
            "/var/lib/rasd",
            "/run/rasd",
            "/var/log",
            "/var/lib/prometheus",
            "/sys/fs/pstore",
        ] {
            assert!(needed.writes.contains(&PathBuf::from(path)), "{path}");
        }
        assert!(needed.kernel_log && !needed.perf && !needed.network && !needed.programs);
    }

    #[test]
    fn the_journal_needs_its_program() {
        let channels = [Channel::Journal].into_iter();
        let needed = needed(&Config::default(), Path::new("/tmp/rasd"), None, channels);
        assert!(needed.programs && !needed.perf && !needed.network);
    }

    #[test]
    fn a_replay_needs_nothing_of_the_kernel() {
        let needed = needed(
            &Config::default(),
            Path::new("/tmp/rasd"),
            None,
            [Channel::Replay].into_iter(),
        );
        assert_eq!(needed.writes, [PathBuf::from("/tmp/rasd")]);
        assert!(!needed.kernel_log && !needed.perf);
    }
}
