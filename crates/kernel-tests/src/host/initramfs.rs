//! The guest's root: a cpio archive in the `newc` format (kernel
//! `Documentation/driver-api/early-userspace/buffer-format.rst`).

/// One entry of the archive.
pub(super) enum Entry<'a> {
    Folder,
    Program(&'a [u8]),
    File(&'a [u8]),
    Link(&'a str),
    /// A character device of that major and minor number.
    Device(u32, u32),
}

/// The archive of these entries; a folder stands before what is in it.
pub(super) fn archive(entries: &[(&str, Entry<'_>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut number = 0;
    let mut add = |name: &str, mode: u32, device: (u32, u32), data: &[u8]| {
        number += 1;
        // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor,
        // rdevminor, namesize, check
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let fields = [
            number,
            mode,
            0,
            0,
            1,
            0,
            length(data.len()),
            0,
            0,
            device.0,
            device.1,
            length(name.len() + 1),
            0,
        ];
        out.extend_from_slice(b"070701");
        for field in fields {
            out.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        pad(&mut out);
        out.extend_from_slice(data);
        pad(&mut out);
    };
    for (name, entry) in entries {
        match entry {
            Entry::Folder => add(name, 0o040_755, (0, 0), &[]),
            Entry::Program(data) => add(name, 0o100_755, (0, 0), data),
            Entry::File(data) => add(name, 0o100_644, (0, 0), data),
            Entry::Link(target) => add(name, 0o120_777, (0, 0), target.as_bytes()),
            Entry::Device(major, minor) => add(name, 0o020_600, (*major, *minor), &[]),
        }
    }
    add("TRAILER!!!", 0, (0, 0), &[]);
    out
}

fn pad(out: &mut Vec<u8>) {
    while !out.len().is_multiple_of(4) {
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, archive};

    #[test]
    fn headers_names_and_data_start_at_multiples_of_four() {
        let bytes = archive(&[
            ("dev", Entry::Folder),
            ("dev/null", Entry::Device(1, 3)),
            ("init", Entry::Program(b"abcde")),
            ("sh", Entry::Link("/init")),
        ]);
        let mut at = 0;
        let mut seen = Vec::new();
        loop {
            assert_eq!(&bytes[at..at + 6], b"070701", "at {at}");
            let field = |n: usize| {
                let from = at + 6 + 8 * n;
                let text = std::str::from_utf8(&bytes[from..from + 8]).expect("ASCII");
                usize::from_str_radix(text, 16).expect("hex")
            };
            let name = &bytes[at + 110..at + 110 + field(11) - 1];
            let data = (at + 110 + field(11)).next_multiple_of(4);
            seen.push((
                String::from_utf8_lossy(name).into_owned(),
                field(1),
                bytes[data..data + field(6)].to_vec(),
            ));
            at = (data + field(6)).next_multiple_of(4);
            if name == b"TRAILER!!!" {
                break;
            }
        }
        assert_eq!(at, bytes.len());
        let want = [
            ("dev", 0o040_755, &b""[..]),
            ("dev/null", 0o020_600, b""),
            ("init", 0o100_755, b"abcde"),
            ("sh", 0o120_777, b"/init"),
            ("TRAILER!!!", 0, b""),
        ];
        let want = want.map(|(name, mode, data)| (name.to_owned(), mode, data.to_vec()));
        assert_eq!(seen, want);
    }
}
