//! Feeds that are an index: no alert is in them, which must be said with the number of their entries.

use serde_json::Value;

use super::{Difference, Row};

pub(super) fn compare(row: &Row, reports: &[Value]) -> Option<Vec<Difference>> {
    let differ = |what, how: String| Some(vec![Difference { what, how }]);
    let [report] = reports else { return None };
    let refusal = (&report["refusals"][0]["field"], &report["refusals"][0]["reason"]);
    let field = refusal.0.as_str().unwrap_or_default();
    if row.found.starts_with("not well-formed") || row.special.contains("must be refused") {
        let refused = report["parsed"] == Value::Bool(false) && field == "content";
        return if refused { Some(Vec::new()) } else { differ("refusal", report.to_string()) };
    }
    let entries = row.found.strip_prefix("root `")?.split_once("`, ")?.1.strip_suffix(" entries")?;
    let told = refusal.1.as_str().unwrap_or_default();
    let agrees =
        report["accepted"] == Value::Bool(false) && field == "content" && told.contains(&format!(" {entries} "));
    if agrees { Some(Vec::new()) } else { differ("index", format!("{entries} entries, and it is said: {told}")) }
}
