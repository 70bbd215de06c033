//! The schemes of JMA's codes, as a gazetteer names them: `JMA-` and the name of JMA's own list (コード管理表). Those of
//! earthquakes are what `jma_saibun.geojson` and `jma_eew_fuken.geojson` call them.

use crate::format::FormatError;
use crate::format::error::excerpt;
use crate::format::path::Path;

/// 地震情報／細分区域, 3 digits: where intensities are observed and expected.
pub(in crate::format) const LOCAL: &str = "JMA-AreaForecastLocalE";
/// 緊急地震速報／府県予報区, 4 digits.
pub(in crate::format) const PREFECTURE: &str = "JMA-EEW-fuken";
/// 緊急地震速報／地方予報区, 4 digits.
pub(in crate::format) const REGION: &str = "JMA-EEW-chiho";
/// 津波予報区, 3 digits: stretches of coast.
pub(in crate::format) const TSUNAMI: &str = "JMA-AreaTsunami";
/// 気象情報／府県予報区・細分区域等, 6 digits.
pub(in crate::format) const FORECAST: &str = "JMA-AreaForecast";
/// 気象・地震・火山情報／市町村等, 7 digits: municipalities, the larger ones in parts.
pub(in crate::format) const CITY: &str = "JMA-AreaInformationCity";
/// 指定河川洪水予報（予報区域）, 12 digits: stretches of rivers.
pub(in crate::format) const FLOOD: &str = "JMA-AreaFloodForecast";
/// 河川, 10 digits: rivers.
pub(in crate::format) const RIVER: &str = "JMA-AreaRiver";

/// 火山名, 3 digits: volcanoes.
pub(in crate::format) const VOLCANO: &str = "JMA-Volcano";

/// What a telegram calls the list of municipalities.
pub(super) const CITIES: &str = "気象・地震・火山情報／市町村等";

/// The scheme of codes whose list a telegram names by `codeType`.
pub(super) fn of(path: &Path, code_type: &str) -> Result<&'static str, FormatError> {
    match code_type {
        "地震情報／細分区域" => Ok(LOCAL),
        "緊急地震速報／府県予報区" => Ok(PREFECTURE),
        "緊急地震速報／地方予報区" => Ok(REGION),
        "津波予報区" => Ok(TSUNAMI),
        "気象情報／府県予報区・細分区域等" => Ok(FORECAST),
        CITIES => Ok(CITY),
        "火山名" => Ok(VOLCANO),
        "指定河川洪水予報（予報区域）" => Ok(FLOOD),
        "河川" => Ok(RIVER),
        _ => {
            let field = path.field("codeType").to_string();
            Err(FormatError::UnknownValue { field, value: excerpt(code_type) })
        }
    }
}
