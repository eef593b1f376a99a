//! Files of DIMM labels, as ras-mc-ctl(8) and edac-ctl(8) read them: by the board's vendor and model, or the product, what
//! stands beside the slot of each position that EDAC knows.
//!
//! ```text
//! Vendor: Supermicro
//!   Model: X10SRA-F
//!     DIMMA1: 0.0.0;  DIMMA2: 0.0.1;
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::say;

/// No file of labels is longer.
const MAX_LEN: u64 = 1 << 20;
/// More files than these are not read.
const MAX_FILES: usize = 256;
/// Longer labels than the kernel's (EDAC_MC_LABEL_LEN) are none.
const MAX_LABEL: usize = 31;

/// A position: the memory controller, and up to three layers, from the top.
pub(super) type Position = (u32, Vec<u32>);

/// What the machine is called, in small letters.
#[derive(Debug, Default)]
pub(super) struct Board {
    vendor: String,
    model: String,
    product_vendor: String,
    product: String,
}

impl Board {
    /// By what firmware says (`/sys/class/dmi/id`).
    pub(super) fn of(sysfs: &Path) -> Self {
        let read = |name: &str| {
            let text = fs::read_to_string(sysfs.join("class/dmi/id").join(name));
            text.unwrap_or_default().trim().to_lowercase()
        };
        let vendor = read("board_vendor");
        let product_vendor = Some(read("product_vendor")).filter(|text| !text.is_empty());
        Self {
            product_vendor: product_vendor.unwrap_or_else(|| vendor.clone()),
            model: read("board_name"),
            product: read("product_name"),
            vendor,
        }
    }
}

/// The labels of one machine.
#[derive(Debug, Default)]
pub(super) struct Labels {
    by_model: Table,
    by_product: Table,
}

/// Labels by position. Nothing where files disagree: then nobody knows.
type Table = BTreeMap<Position, Option<String>>;

impl Labels {
    /// Reads a file, or every file of a folder. One that is not there is no file; what is wrong in one is told and passed over.
    pub(super) fn read(path: &Path, board: &Board) -> Self {
        let mut labels = Self::default();
        if board.vendor.is_empty() && board.product_vendor.is_empty() {
            return labels;
        }
        for file in files(path) {
            match text(&file) {
                Ok(text) => labels.add(&text, board, |line, what| {
                    say::warn(format_args!("{}:{line}: {what}", file.display()));
                }),
                Err(error) => say::warn(format_args!("{}: {error}", file.display())),
            }
        }
        labels
    }

    /// The label of a position. A model's come before a product's.
    pub(super) fn get(&self, position: &Position) -> Option<&str> {
        let table = if self.by_model.is_empty() {
            &self.by_product
        } else {
            &self.by_model
        };
        table.get(position)?.as_deref()
    }

    /// Takes what a file has for a board.
    fn add(&mut self, text: &str, board: &Board, mut wrong: impl FnMut(usize, &str)) {
        let mut vendor = String::new();
        // Of which table the labels are that follow; nothing for other machines.
        let mut table: Option<fn(&mut Self) -> &mut Table> = None;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = after(line, "vendor") {
                (vendor, table) = (name.to_lowercase(), None);
                continue;
            }
            let model = after(line, "model").or_else(|| after(line, "board"));
            let product = after(line, "product");
            if let Some(names) = model.or(product) {
                let (maker, name) = match model {
                    Some(_) => (&board.vendor, &board.model),
                    None => (&board.product_vendor, &board.product),
                };
                let ours = !name.is_empty()
                    && vendor == *maker
                    && names
                        .split([',', ';'])
                        .any(|one| one.trim().to_lowercase() == *name);
                table = match (ours, model) {
                    (true, Some(_)) => Some(|labels| &mut labels.by_model),
                    (true, None) => Some(|labels| &mut labels.by_product),
                    (false, _) => None,
                };
                continue;
            }
            let Some(table) = table else { continue };
            for entry in line.split(';').map(str::trim) {
                if entry.is_empty() {
                    continue;
                }
                match label(entry) {
                    Some((label, positions)) => positions.into_iter().for_each(|position| {
                        table(self)
                            .entry(position)
                            .and_modify(|known| {
                                if known.as_deref() != Some(label) {
                                    *known = None;
                                }
                            })
                            .or_insert_with(|| Some(label.to_owned()));
                    }),
                    None => wrong(number + 1, "this is no label of a DIMM; it is passed over"),
                }
            }
        }
    }
}

/// What follows a key and its colon.
fn after<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (word, rest) = line.split_once(':')?;
    word.trim().eq_ignore_ascii_case(key).then(|| rest.trim())
}

/// `DIMMA1: 0.0.0, 0.1.0`.
fn label(entry: &str) -> Option<(&str, Vec<Position>)> {
    let (label, places) = entry.split_once(':')?;
    let label = label.trim();
    if label.is_empty() || label.len() > MAX_LABEL || label.chars().any(char::is_control) {
        return None;
    }
    let positions = places
        .split([',', ' ', '\t'])
        .filter(|place| !place.is_empty())
        .map(|place| {
            let mut numbers = place
                .split(['.', ':'])
                .map(|number| number.parse::<u32>().ok());
            let controller = numbers.next()??;
            let layers: Vec<u32> = numbers.collect::<Option<_>>()?;
            (1..=3)
                .contains(&layers.len())
                .then_some((controller, layers))
        })
        .collect::<Option<Vec<_>>>()?;
    (!positions.is_empty()).then_some((label, positions))
}

/// The file itself, or those of a folder in the order of their names.
fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::from_iter(path.is_file().then(|| path.to_owned()));
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .take(MAX_FILES)
        .collect();
    files.sort();
    files
}

fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_LEN).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# A comment.
Vendor: Example Boards
  Model: XB-1, XB-1+
    A1: 0.0.0;  A2: 0.0.1;
    B1: 0:1:0
    both: 1.0.0, 1.1.0
    wrong: x
    : 0.2.0
  Model: XB-2
    other: 0.0.0
  Product: Server 9
    S1: 0.0.0
Vendor: Others
  Model: XB-1
    stranger: 0.0.0
";

    fn board(vendor: &str, model: &str, product: &str) -> Board {
        Board {
            vendor: vendor.into(),
            model: model.into(),
            product_vendor: vendor.into(),
            product: product.into(),
        }
    }

    fn labels(board: &Board) -> (Labels, Vec<usize>) {
        let mut labels = Labels::default();
        let mut wrong = Vec::new();
        labels.add(FILE, board, |line, _| wrong.push(line));
        (labels, wrong)
    }

    #[test]
    fn a_boards_labels_are_by_position() {
        for model in ["xb-1", "xb-1+"] {
            let (labels, wrong) = labels(&board("example boards", model, ""));
            let get = |controller, layers: &[u32]| labels.get(&(controller, layers.to_vec()));
            assert_eq!(get(0, &[0, 0]), Some("A1"));
            assert_eq!(get(0, &[0, 1]), Some("A2"));
            assert_eq!(get(0, &[1, 0]), Some("B1"));
            assert_eq!(
                (get(1, &[0, 0]), get(1, &[1, 0])),
                (Some("both"), Some("both"))
            );
            assert_eq!((get(0, &[0]), get(7, &[0, 0])), (None, None));
            assert_eq!(wrong, [7, 8]);
        }
    }

    #[test]
    fn another_boards_labels_are_nobodys() {
        let none = |board: &Board| labels(board).0.get(&(0, vec![0, 0])).is_none();
        assert!(none(&board("example boards", "xb-3", "")));
        assert!(none(&board("nobody", "xb-1", "server 9")));
        assert!(none(&board("", "", "")));
        let (labels, _) = labels(&board("example boards", "", "server 9"));
        assert_eq!(labels.get(&(0, vec![0, 0])), Some("S1"));
    }

    #[test]
    fn files_that_disagree_say_nothing() {
        let board = board("example boards", "xb-2", "");
        let (mut labels, _) = labels(&board);
        labels.add(
            "Vendor: Example Boards\nModel: XB-2\nother: 0.0.1\nanother: 0.0.0\n",
            &board,
            |_, _| panic!("nothing is wrong"),
        );
        assert_eq!(labels.get(&(0, vec![0, 0])), None);
        assert_eq!(labels.get(&(0, vec![0, 1])), Some("other"));
    }

    #[test]
    fn every_file_of_a_folder_is_read_and_none_need_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let sysfs = dir.path().join("sys");
        fs::create_dir_all(sysfs.join("class/dmi/id")).unwrap();
        for (name, text) in [
            ("board_vendor", "Example Boards\n"),
            ("board_name", "XB-1\n"),
        ] {
            fs::write(sysfs.join("class/dmi/id").join(name), text).unwrap();
        }
        let board = Board::of(&sysfs);
        let folder = dir.path().join("labels.d");
        let read = |path: &Path| {
            let labels = Labels::read(path, &board);
            labels.get(&(0, vec![0, 0])).map(str::to_owned)
        };
        assert_eq!(read(&folder), None);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a"), "Vendor: X\n").unwrap();
        fs::write(folder.join("example"), FILE).unwrap();
        assert_eq!(read(&folder).as_deref(), Some("A1"));
        assert_eq!(read(&folder.join("example")).as_deref(), Some("A1"));
    }
}
