//! The data folder: how it is made, and what is read of it in one go before the alert door opens.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::locate::{Atlas, GroundMotion};
use crate::regions::RegionStore;

use super::AppError;

/// What was imported, and the atlas of it. A file that is damaged is left out, loudly: alerts with polygons need none.
pub(super) fn open_regions(
    data_dir: &Path,
    ground_motion: GroundMotion,
) -> Result<(Arc<RegionStore>, Arc<ArcSwap<Atlas>>), AppError> {
    let (regions, damaged) = RegionStore::open(data_dir)?;
    for error in &damaged {
        tracing::error!(%error, "regions are not known: alerts that name their codes are told so, or refused");
    }
    let gazetteer = regions.gazetteer();
    tracing::info!(sets = gazetteer.sets().count(), damaged = damaged.len(), "the regions were read");
    Ok((Arc::new(regions), Arc::new(ArcSwap::from_pointee(Atlas { gazetteer, ground_motion }))))
}

/// For the server's account alone: places and tokens are in it. One that is there is left as its operator made it.
pub(super) fn make_data_dir(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
