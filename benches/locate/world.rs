//! What is searched, and where: devices round cities, and areas over them. The same on every machine.

#[path = "../shared/random.rs"]
mod random;

use geo::{Contains, LineString, MultiPolygon, Point};
use hazardcast::domain::{Area, Circle, Footprint, PlaceId, Polygon, Position, Private, Ring, Slot};
use hazardcast::locate::{AffectedArea, Hit, Index, Order};
use rstar::RTree;
use rstar::primitives::GeomWithData;

pub(super) use random::Random;

pub(super) const SEED: u64 = 20_260_101;
/// How many devices the goals are about.
pub(super) const DEVICES: usize = 2_000_000;

/// The rival's tree: longitude and latitude in degrees, and the slot.
pub(super) type Naive = RTree<GeomWithData<[f64; 2], u32>>;

/// Devices round cities. A device's slot is its number in `places`.
pub(super) struct World {
    pub(super) places: Vec<Position>,
    cities: Vec<City>,
    japan: Area,
}

/// Where people live: a normal distribution of some degrees round a point.
struct City {
    lon: f64,
    lat: f64,
    spread: f64,
}

/// An area, and what it is called in the table.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) area: AffectedArea,
}

impl World {
    /// 4,000 cities, the n-th with a share of people in proportion to 1/n, four in ten of them in Japan. Devices have
    /// registered in no order.
    pub(super) fn new(devices: usize) -> Self {
        let japan = japan();
        let ground = geo_of(std::slice::from_ref(&japan));
        let mut random = Random::new(0);
        let cities: Vec<City> = (0..4_000)
            .map(|rank| {
                let (lon, lat) = loop {
                    let home = rank % 5 < 2;
                    let (lon, lat) = if home {
                        (random.between(127.0, 146.0), random.between(26.0, 45.6))
                    } else {
                        (random.between(-180.0, 180.0), random.between(-50.0, 65.0))
                    };
                    if !home || ground.contains(&Point::new(lon, lat)) {
                        break (lon, lat);
                    }
                };
                City { lon, lat, spread: 0.25 / f64::from(rank + 1).powf(0.35) }
            })
            .collect();
        let harmonic: f64 = (1..=cities.len()).map(|rank| 1.0 / rank as f64).sum();
        let mut places = Vec::with_capacity(devices);
        for (rank, city) in cities.iter().enumerate() {
            let people = (devices as f64 / harmonic / (rank + 1) as f64).round() as usize;
            places.extend((0..people).map(|_| city.someone(&mut random)));
        }
        while places.len() < devices {
            places.push(cities[0].someone(&mut random));
        }
        places.truncate(devices);
        for last in (1..places.len()).rev() {
            places.swap(last, random.below(last + 1));
        }
        Self { places, cities, japan }
    }

    pub(super) fn index(&self) -> Index {
        let index = Index::new();
        index.load((0..).zip(&self.places).map(|(slot, place)| (PlaceId::live(Slot(slot)), at(*place))));
        index
    }

    pub(super) fn naive(&self) -> Naive {
        RTree::bulk_load((0..).zip(&self.places).map(|(slot, place)| with_slot(*place, slot)).collect())
    }

    /// The areas of the goals: some grown until they hold as many of two million devices as the table of the issue has.
    pub(super) fn cases(&self, index: &Index) -> Vec<Case> {
        let mut random = Random::new(1);
        let storm = jagged(&mut random, 12, 0.1, 0.0);
        let warning = jagged(&mut random, 300, 0.15, 0.0);
        let coast = jagged(&mut random, 2_000, 0.06, 0.6);
        let [home, second, small] = [0, 1, 20].map(|rank: usize| [self.cities[rank].lon, self.cities[rank].lat]);
        let circle = Circle::new(home[0], home[1], 300.0).expect("a circle");
        let halves = [[-180.0, 0.0], [0.0, 180.0]]
            .map(|[west, east]| polygon(vec![[west, -90.0], [east, -90.0], [east, 90.0], [west, 90.0]]));
        let compiled = |areas: &[Area]| AffectedArea::new(areas).expect("it has ground");
        let grown = |centre, radii: &[f64], of_two_million| self.grown(index, centre, radii, of_two_million);
        vec![
            Case { name: "storm cell, 12 points", area: grown(small, &storm, 2_821) },
            Case { name: "warning, 300 jagged points", area: grown(second, &warning, 89_385) },
            Case { name: "coast, 2,000 jagged points", area: grown(home, &coast, 270_631) },
            Case { name: "circle, 300 km", area: compiled(&[Area { circles: vec![circle], ..Area::default() }]) },
            Case { name: "a country (Japan), 6,829 points", area: compiled(std::slice::from_ref(&self.japan)) },
            Case { name: "everything", area: compiled(&halves) },
        ]
    }

    /// A star round `centre` that holds so many of two million devices.
    fn grown(&self, index: &Index, centre: [f64; 2], radii: &[f64], of_two_million: usize) -> AffectedArea {
        let wanted = of_two_million * self.places.len() / DEVICES;
        let compiled = |degrees| AffectedArea::new(&[star(centre, radii, degrees)]).expect("it has ground");
        let (mut low, mut high, mut hits) = (0.001, 25.0, Vec::new());
        for _ in 0..24 {
            let middle = f64::midpoint(low, high);
            sweep(index, &compiled(middle), Order::Any, &mut hits);
            if hits.len() < wanted { low = middle } else { high = middle }
        }
        compiled(high)
    }

    /// A place in any city.
    pub(super) fn anywhere(&self, random: &mut Random) -> Position {
        self.cities[random.below(self.cities.len())].someone(random)
    }
}

impl City {
    fn someone(&self, random: &mut Random) -> Position {
        random.near(self.lon, self.lat, self.spread)
    }
}

/// All hits of one sweep, in place of what is in `hits`.
pub(super) fn sweep(index: &Index, area: &AffectedArea, order: Order, hits: &mut Vec<Hit>) {
    hits.clear();
    let mut sweep = index.sweep(std::slice::from_ref(area), order);
    while sweep.next_batch(hits) {}
}

/// How far each point of a star is from its centre: a point hops by up to `hop`, and a coast has `bays` besides.
pub(super) fn jagged(random: &mut Random, points: usize, hop: f64, bays: f64) -> Vec<f64> {
    let phases: Vec<f64> = (0..6).map(|_| random.between(0.0, std::f64::consts::TAU)).collect();
    let bay = |turn: f64| (2..8).zip(&phases).map(|(wave, phase)| (turn * f64::from(wave) + phase).sin()).sum::<f64>();
    (0..points).map(|n| 1.0 + bays * bay(turn(n, points)) / 6.0 + random.between(-hop, hop)).collect()
}

/// The ground within some `degrees` times `radii` of `centre`; its points have five decimals, as in alerts.
pub(super) fn star(centre: [f64; 2], radii: &[f64], degrees: f64) -> Area {
    let round = |value: f64| (value * 1e5).round() / 1e5;
    let point = |(n, radius): (usize, &f64)| {
        let (sin, cos) = turn(n, radii.len()).sin_cos();
        let east = degrees * radius * cos / centre[1].to_radians().cos();
        [round(centre[0] + east), round(centre[1] + degrees * radius * sin)]
    };
    polygon(radii.iter().enumerate().map(point).collect())
}

fn turn(n: usize, points: usize) -> f64 {
    std::f64::consts::TAU * n as f64 / points as f64
}

fn polygon(points: Vec<[f64; 2]>) -> Area {
    Area { polygons: vec![Polygon { outer: Ring::new(points).expect("a ring"), holes: Vec::new() }], ..Area::default() }
}

/// The polygons of the areas for `geo`.
pub(super) fn geo_of(areas: &[Area]) -> MultiPolygon<f64> {
    let line = |ring: &Ring| ring.points().iter().map(|[lon, lat]| (*lon, *lat)).collect::<LineString<f64>>();
    let polygons = areas.iter().flat_map(|area| &area.polygons);
    polygons.map(|p| geo::Polygon::new(line(&p.outer), p.holes.iter().map(line).collect())).collect()
}

pub(super) fn at(place: Position) -> Footprint {
    Footprint::Point(Private::new(place))
}

pub(super) fn with_slot(place: Position, slot: u32) -> GeomWithData<[f64; 2], u32> {
    GeomWithData::new([place.lon(), place.lat()], slot)
}

fn japan() -> Area {
    let text = include_str!("../../tests/data/regions/japan.geojson");
    let json: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
    let polygons: Vec<Vec<Vec<[f64; 2]>>> =
        serde_json::from_value(json["features"][0]["geometry"]["coordinates"].clone()).expect("it is a multipolygon");
    let ring = |points: &Vec<[f64; 2]>| Ring::new(points.iter().copied()).expect("a ring");
    let polygon =
        |rings: &Vec<Vec<[f64; 2]>>| Polygon { outer: ring(&rings[0]), holes: rings[1..].iter().map(ring).collect() };
    Area { polygons: polygons.iter().map(polygon).collect(), ..Area::default() }
}

impl Random {
    /// One of several series.
    pub(super) fn new(series: u64) -> Self {
        Self(SEED + series)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A place round a point, normally distributed (Box and Muller).
    pub(super) fn near(&mut self, lon: f64, lat: f64, spread: f64) -> Position {
        let (length, turn) =
            ((-2.0 * self.between(1e-12, 1.0).ln()).sqrt() * spread, self.between(0.0, std::f64::consts::TAU));
        let lat = (lat + length * turn.sin()).clamp(-90.0, 90.0);
        let lon = (lon + length * turn.cos() / lat.to_radians().cos() + 540.0) % 360.0 - 180.0;
        Position::from_degrees(lon, lat).expect("on the globe")
    }
}
