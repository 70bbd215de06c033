//! What a notice means where the device is (R-E10). Pure: nothing of it leaves the device.

use geo::{Distance, Geodesic, Point};

use crate::domain::{Area, Position, SignedDuration, Timestamp};
use crate::locate::{AffectedArea, travel_time};
use crate::wire::convert::{geography, time};
use crate::wire::v1;

/// What a notice means for one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Whether the place is in the ground that the notice carries; `None` if it carries none.
    pub inside: Option<bool>,
    /// To the epicentre along the ellipsoid, km.
    pub distance_km: Option<f64>,
    /// Until the S wave, which shakes hardest, is here; negative once it has passed.
    pub until_shaking: Option<SignedDuration>,
    /// Until the event begins, where its source says when.
    pub until_onset: Option<SignedDuration>,
}

/// What `notice` means at `here`, at `now` by the server's clock. The S wave is timed by [`travel_time`].
pub fn assess(notice: &v1::Notice, here: Position, now: Timestamp) -> Assessment {
    let mut ignored = Vec::new();
    let areas: Vec<Area> =
        notice.areas.iter().map(|area| geography::area(area.clone(), "areas", &mut ignored)).collect();
    let inside = AffectedArea::new(&areas).map(|ground| ground.contains(here));
    let quake = notice.earthquake.as_ref();
    let distance_km = quake.and_then(|quake| {
        let epicentre = quake.epicenter?;
        let metres =
            Geodesic.distance(Point::new(here.lon(), here.lat()), Point::new(epicentre.longitude, epicentre.latitude));
        metres.is_finite().then_some(metres / 1000.0)
    });
    let until_shaking = quake.zip(distance_km).and_then(|(quake, distance)| {
        let origin = time::optional(quake.origin_time, "origin_time").ok()??;
        let arrival = origin.checked_add(travel_time(quake.depth_km, distance).s).ok()?;
        Some(arrival.duration_since(now))
    });
    let onset = time::optional(notice.onset_time, "onset_time").ok().flatten();
    Assessment { inside, distance_km, until_shaking, until_onset: onset.map(|onset| onset.duration_since(now)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_a_hundred_kilometres_the_s_wave_takes_thirty_seconds() {
        // formats.md: depth 10 km, distance 100 km, S 29.9 s; one degree of the equator is 111.32 km.
        let origin = Timestamp::constant(1_900_000_000, 0);
        let notice = v1::Notice {
            earthquake: Some(v1::Earthquake {
                epicenter: Some(v1::Position { longitude: 0.0, latitude: 0.0 }),
                depth_km: Some(10.0),
                magnitude: 6.0,
                origin_time: Some(time::to_wire(origin)),
            }),
            ..v1::Notice::default()
        };
        let here = Position::from_degrees(100.0 / 111.319_49, 0.0).expect("on the globe");
        let found = assess(&notice, here, origin);
        assert!((found.distance_km.expect("known") - 100.0).abs() < 0.01);
        let seconds = found.until_shaking.expect("known").as_secs_f64();
        assert!((seconds - 29.8).abs() < 0.01, "{seconds}");
        assert_eq!(found.inside, None);
    }
}
