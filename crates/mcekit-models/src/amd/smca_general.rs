//! Any processor with scalable MCA that no generation claims: the units that all share.

use super::smca::{COMMON, UNITS};
use mcekit::Vendor;
use mcekit::table::Model;

/// AMD scalable MCA.
pub(crate) static MODEL: Model =
    Model::architectural("amd_smca", "AMD scalable MCA", &["smca"], Vendor::AMD, &[])
        .with_smca(&[], UNITS)
        .with_common(COMMON);
