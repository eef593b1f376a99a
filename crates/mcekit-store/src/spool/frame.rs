//! Frames: where they begin, what their checksum covers, and how the next one is found behind damage.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How a frame begins.
const MAGIC: [u8; 4] = *b"\xabfR\x1a";

/// The bytes before a frame's items: magic, length of the items, number of the frame, number of its first event, how many
/// events it has, and the checksum of all that and the items (CRC-32C).
pub(super) const HEADER: usize = 32;

/// The longest items of a frame.
pub(crate) const MAX_LEN: usize = 1 << 24;

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Its number, from 1.
    pub(super) sequence: u64,
    /// The number of its first event, or of the next one where it has none.
    pub(super) first: u64,
    /// How many events it has.
    pub(super) count: u32,
    /// How many bytes its items have.
    pub(super) len: usize,
    crc: u32,
}

impl Header {
    fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (count, crc) = rest.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        (*magic == MAGIC && len <= MAX_LEN).then_some(Self {
            sequence: u64::from_le_bytes(*sequence),
            first: u64::from_le_bytes(*first),
            count: u32::from_le_bytes(*count),
            len,
            crc: u32::from_le_bytes(crc.try_into().ok()?),
        })
    }

    /// How many bytes the whole frame has.
    pub(super) const fn size(&self) -> u64 {
        (HEADER + self.len) as u64
    }

    /// The number of the event behind the frame's last.
    pub(super) fn next(&self) -> u64 {
        self.first.saturating_add(self.count.into())
    }
}

/// Appends a frame's bytes to `out`.
pub(super) fn put(out: &mut Vec<u8>, sequence: u64, first: u64, count: u32, items: &[u8]) {
    let start = out.len();
    out.extend(MAGIC);
    // A batch is cut long before MAX_LEN.
    out.extend((items.len() as u32).to_le_bytes());
    out.extend(sequence.to_le_bytes());
    out.extend(first.to_le_bytes());
    out.extend(count.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&out[start..]), items);
    out.extend(crc.to_le_bytes());
    out.extend(items);
}

/// Bytes that can be read anywhere: a segment's file, or a slice of them.
pub(super) trait ReadAt {
    /// Fills `buf` from `at`; less than all of it only at the end. Returns how many bytes there were.
    fn read_at(&self, at: u64, buf: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, at: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match FileExt::read_at(self, rest, at + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, at: u64, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = usize::try_from(at)
            .ok()
            .and_then(|at| self.get(at..))
            .unwrap_or_default();
        let len = bytes.len().min(buf.len());
        buf[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// A whole frame with the right checksum; its items are in the buffer.
    Frame(Header),
    /// The bytes end within a frame, or there are none.
    Short,
    /// No frame, or one with a wrong checksum.
    Bad,
}

/// Reads the frame at `at`, of bytes that end at `end`. Its items go to `items`, whatever was in there.
pub(super) fn read(
    from: &(impl ReadAt + ?Sized),
    at: u64,
    end: u64,
    items: &mut Vec<u8>,
) -> io::Result<At> {
    let mut head = [0; HEADER];
    let room = end.saturating_sub(at);
    if room < HEADER as u64 || from.read_at(at, &mut head)? < HEADER {
        return Ok(At::Short);
    }
    let Some(header) = Header::parse(&head) else {
        return Ok(At::Bad);
    };
    if room < header.size() {
        return Ok(At::Short);
    }
    items.clear();
    items.resize(header.len, 0);
    if from.read_at(at + HEADER as u64, items)? < header.len {
        return Ok(At::Short);
    }
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head[..HEADER - 4]), items);
    Ok(if crc == header.crc {
        At::Frame(header)
    } else {
        At::Bad
    })
}

/// Finds the next place at or behind `at` where a whole frame stands.
pub(super) fn find(
    from: &(impl ReadAt + ?Sized),
    mut at: u64,
    end: u64,
    items: &mut Vec<u8>,
) -> io::Result<Option<u64>> {
    let mut window = [0; 4096];
    while at < end {
        let room = usize::try_from(end - at).unwrap_or(usize::MAX);
        let len = room.min(window.len());
        let got = from.read_at(at, &mut window[..len])?;
        let bytes = &window[..got];
        for (i, four) in bytes.windows(MAGIC.len()).enumerate() {
            if four == MAGIC
                && let At::Frame(_) = read(from, at + i as u64, end, items)?
            {
                return Ok(Some(at + i as u64));
            }
        }
        // A magic can lie across two windows.
        match got.checked_sub(MAGIC.len() - 1) {
            Some(step) if step > 0 => at += step as u64,
            _ => break,
        }
    }
    Ok(None)
}
