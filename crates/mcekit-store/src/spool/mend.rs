//! Keeping damaged segments aside.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::segment::{self, Met, Walk};
use super::{Damage, Spool, frame, sync_dir};
use crate::codec::Items;
use crate::{Error, Result};

impl Spool {
    /// Cuts off torn tails, and replaces each damaged segment by one of its readable frames; the file as it was is kept
    /// beside it. Call it once what was lost is on disk: damage that is not mended is met again at the next opening.
    ///
    /// # Errors
    ///
    /// Those of the files. What is mended until then is noted in `damage`.
    pub fn mend(&mut self, damage: &mut [Damage]) -> Result<()> {
        for first in segment::list(&self.dir)? {
            let path = segment::path(&self.dir, first);
            let of_this = || damage.iter().filter(|one| one.path == path);
            if of_this().any(|one| !one.torn) {
                let kept = aside(&path)?;
                self.rewrite(first, &path)?;
                for one in damage.iter_mut().filter(|one| one.path == path) {
                    one.kept = Some(kept.clone());
                }
            } else if let Some(torn) = of_this().map(|one| one.at).min() {
                let failed = |error| Error::io(&path, error);
                let file = File::options().write(true).open(&path).map_err(failed)?;
                file.set_len(torn).map_err(failed)?;
                file.sync_all().map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Writes a segment's readable frames anew, in its place.
    fn rewrite(&self, first: u64, path: &Path) -> Result<()> {
        let new = path.with_extension("new");
        let failed = |error| Error::io(&new, error);
        let (old, len) = segment::open(path)?;
        let mut out = BufWriter::new(File::create(&new).map_err(failed)?);
        out.write_all(&segment::header(first)).map_err(failed)?;
        let mut walk = Walk::new(&old, len);
        let mut bytes = Vec::new();
        while let Some(met) = walk.next().map_err(|error| Error::io(path, error))? {
            // Items that do not read are damage, whatever their checksum says.
            if let Met::Frame(_, header) = met
                && Items::new(&walk.items, header.first).read()
            {
                bytes.clear();
                frame::put(
                    &mut bytes,
                    header.sequence,
                    header.first,
                    header.count,
                    &walk.items,
                );
                out.write_all(&bytes).map_err(failed)?;
            }
        }
        let file = out
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        fs::rename(&new, path).map_err(failed)?;
        sync_dir(&self.dir).map_err(failed)
    }
}

/// Gives a file a second name, `….damaged-N`, the first that is free.
pub(crate) fn aside(path: &Path) -> Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged-");
    for n in 1_u32.. {
        let mut kept = name.clone();
        kept.push(n.to_string());
        let kept = PathBuf::from(kept);
        match fs::hard_link(path, &kept) {
            Ok(()) => return Ok(kept),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io(&kept, error)),
        }
    }
    Err(Error::Damaged {
        path: path.to_owned(),
        what: "there is no name left to keep it under".into(),
    })
}
