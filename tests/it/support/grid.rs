//! Grids of shaking, as ShakeMap writes them.

use std::fmt::Write;

/// A grid with a line for each point: so many columns and rows, a degree of Modified Mercalli for each, and so many
/// more numbers behind it.
pub(crate) fn grid([columns, rows]: [usize; 2], more: usize, degree: impl Fn(usize, usize) -> f64) -> String {
    let mut data = String::new();
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        let [lon, lat] = [column, row].map(|place| place as f64 / 120.0);
        let _ = write!(data, "{lon:.4} {lat:.4} {:.2}", degree(column, row));
        (0..more).for_each(|_| data.push_str(" 12.3456"));
        data.push('\n');
    }
    let names = ["LON", "LAT", "MMI"].into_iter().chain((0..more).map(|_| "PSA"));
    let mut fields = String::new();
    for (index, name) in (1..).zip(names) {
        let _ = write!(fields, "<grid_field index=\"{index}\" name=\"{name}\" units=\"\"/>");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<shakemap_grid \
         xmlns=\"http://earthquake.usgs.gov/eqcenter/shakemap\" event_id=\"us1\" shakemap_version=\"1\" \
         process_timestamp=\"2024-01-02T03:04:05Z\" shakemap_event_type=\"ACTUAL\"><event event_id=\"us1\" \
         magnitude=\"7.9\" depth=\"9\" lat=\"1\" lon=\"1\" event_timestamp=\"2024-01-02T03:00:00Z\"/>\
         <grid_specification nlon=\"{columns}\" nlat=\"{rows}\"/>{fields}<grid_data>\n{data}</grid_data>\
         </shakemap_grid>"
    )
}
