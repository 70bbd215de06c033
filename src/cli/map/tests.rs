//! Maps of small scenes, looked at.

use super::*;
use crate::domain::{Circle, Polygon, Ring};

fn ring(points: &[[f64; 2]]) -> Ring {
    Ring::new(points.iter().copied()).expect("a ring")
}

fn square(west: f64, south: f64, size: f64) -> Area {
    let points = [[west, south], [west + size, south], [west + size, south + size], [west, south + size]];
    let wrapped = points.map(|[lon, lat]| [if lon > 180.0 { lon - 360.0 } else { lon }, lat]);
    Area { polygons: vec![Polygon { outer: ring(&wrapped), holes: Vec::new() }], ..Area::default() }
}

fn disc(lon: f64, lat: f64, radius_km: f64) -> Area {
    Area { circles: vec![Circle::new(lon, lat, radius_km).expect("a circle")], ..Area::default() }
}

fn at(lon: f64, lat: f64) -> Position {
    Position::from_degrees(lon, lat).expect("on the globe")
}

fn scene<'a>(areas: &'a [Area], told: &'a [Position]) -> MapScene<'a> {
    MapScene { areas, tints: &[], keys: &[], told, untold: &[], labels: &[], title: "A warning" }
}

/// The lines of the map itself.
fn lines(text: &str) -> Vec<&str> {
    let all: Vec<&str> = text.lines().collect();
    all[1..all.len() - 1].to_vec()
}

#[test]
fn a_square_is_drawn_square_and_the_told_where_they_are() {
    let areas = [square(10.0, -0.5, 1.0)];
    let text = scene(&areas, &[at(10.5, 0.0)]).terminal(60, false);
    let lines = lines(&text);
    assert!((29..=31).contains(&lines.len()), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 60), "{text}");
    let middle: Vec<char> = lines[lines.len() / 2].chars().collect();
    assert_eq!(middle.iter().position(|c| *c == '▒'), Some(30), "{text}");
    let edge = lines.iter().position(|line| line.contains('\u{2809}') || line.contains('⠒') || line.contains('⠤'));
    assert!(edge.is_some_and(|line| (1..=4).contains(&line)), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn an_area_over_the_antimeridian_is_one_piece() {
    for areas in [vec![square(179.0, -20.0, 3.0)], vec![square(178.0, -20.0, 1.0), square(-179.0, -20.0, 1.0)]] {
        let told = [at(179.5, -19.5), at(-178.5, -19.5)];
        let map = scene(&areas, &told);
        let view = view::View::of(&map);
        assert!(view.size[0] < 5.0, "{view:?}");
        assert!(told.iter().all(|at| view.place(*at).is_some()));
        assert!(view.place(at(0.0, -19.5)).is_none());
    }
}

#[test]
fn circles_are_drawn_round_the_poles_and_over_the_antimeridian() {
    let circles = [(179.9, 10.0, 300.0), (0.0, 89.0, 500.0), (30.0, -85.0, 900.0), (10.0, 5.0, 15_000.0)];
    for (lon, lat, km) in circles {
        let areas = [disc(lon, lat, km)];
        let centre = [at(lon, lat)];
        let map = scene(&areas, &centre);
        assert!(view::View::of(&map).place(centre[0]).is_some(), "{lon} {lat}");
        assert!(map.terminal(80, false).contains('▒'));
        assert!(map.svg().contains("class=\"area\" d=\"M"));
    }
    // A hundred kilometres at 60° are 0.9 degrees of latitude either way, and so on the map either way.
    let view_of = [disc(20.0, 60.0, 100.0)];
    let [width, height] = view::View::of(&scene(&view_of, &[])).size;
    assert!((width / height - 1.0).abs() < 0.02, "{width} {height}");
}

#[test]
fn a_map_is_never_wider_or_higher_than_asked() {
    let scenes = [vec![square(0.0, 0.0, 0.001)], vec![square(-179.0, 0.0, 80.0), disc(0.0, -80.0, 3_000.0)], vec![]];
    for areas in &scenes {
        for columns in [20, 79, 200] {
            let text = scene(areas, &[]).terminal(columns, true);
            let map = lines(&text);
            assert!(map.len() <= 41, "{}", map.len());
            assert!(map.iter().all(|line| line.chars().filter(|c| !c.is_ascii()).count() <= usize::from(columns)));
        }
    }
}

#[test]
fn a_thin_strip_is_shown_with_room_around_it() {
    let strip = [[0.0, 0.0], [10.0, 0.0], [10.0, 0.01], [0.0, 0.01]];
    let turned = strip.map(|[lon, lat]| [lat, lon]);
    for points in [strip, turned] {
        let areas = [Area { polygons: vec![Polygon { outer: ring(&points), holes: Vec::new() }], ..Area::default() }];
        let [width, height] = view::View::of(&scene(&areas, &[])).size;
        assert!((0.2..=5.0).contains(&(width / height)), "{width} {height}");
    }
}

#[test]
fn names_do_not_cover_each_other_and_cannot_command_the_terminal() {
    let areas = [square(10.0, -0.5, 1.0)];
    let labels = [("Upper\u{1b}[31m".to_owned(), at(10.2, 0.2)), ("Lower".to_owned(), at(10.21, 0.2))];
    let map = MapScene { labels: &labels, title: "A <b>\u{1b}]0;x\u{7} & \u{202E}more", ..scene(&areas, &[]) };
    let text = map.terminal(80, false);
    assert!(text.contains("o Upper [31m") && !text.contains("Lower"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202E}']), "{text}");
    let svg = map.svg();
    assert!(svg.contains("A &lt;b&gt; ]0;x  &amp; more") && !svg.contains("Lower"), "{svg}");
}

#[test]
fn an_svg_is_well_formed_and_draws_no_more_than_it_should() {
    let areas = [square(10.0, 0.0, 1.0), disc(11.0, 1.0, 40.0)];
    let spread = |n: u32| at(10.0 + f64::from(n % 1_000) / 1_000.0, f64::from(n / 1_000) / 100.0);
    let (told, untold) =
        ((0..50_000).map(spread).collect::<Vec<_>>(), (50_000..51_000).map(spread).collect::<Vec<_>>());
    let map = MapScene { untold: &untold, ..scene(&areas, &told) };
    let svg = map.svg();
    let tree = roxmltree::Document::parse(&svg).expect("XML");
    let dots = |class| {
        let path = tree.descendants().find(|node| node.attribute("class") == Some(class)).expect("drawn");
        path.attribute("d").expect("a path").matches('M').count()
    };
    assert!((5_000..=10_000).contains(&dots("told")), "{}", dots("told"));
    assert_eq!(dots("untold"), 1_000);
    assert!(svg.contains("told 50,000 (1 of 5 drawn)") && svg.contains("not told 1,000<"), "no legend");
    assert!(svg.contains(" km</text>"));
    assert_eq!(svg, map.svg());
}

#[test]
fn holes_are_cut_out_by_the_even_odd_rule() {
    let hole = ring(&[[10.4, 0.4], [10.6, 0.4], [10.6, 0.6], [10.4, 0.6]]);
    let mut area = square(10.0, 0.0, 1.0);
    area.polygons[0].holes.push(hole);
    let svg = scene(&[area], &[]).svg();
    let path = svg.lines().find(|line| line.starts_with("<path class=\"area\"")).expect("drawn");
    assert_eq!((path.matches('M').count(), path.matches('Z').count()), (2, 2));
}

#[test]
fn bands_have_colours_and_the_legend_says_which() {
    let areas = [disc(10.0, 45.0, 90.0), disc(10.0, 45.0, 30.0)];
    let (weak, strong) = (Tint::Step(0), Tint::Step(6));
    let keys = [("MMI 8 <b>".to_owned(), strong), ("MMI 3\u{1b}".to_owned(), weak)];
    let map = MapScene { tints: &[weak, strong], keys: &keys, ..scene(&areas, &[]) };
    let svg = map.svg();
    let at = |fill: &str| svg.find(&format!("style=\"fill:{fill}")).expect("drawn");
    assert!(at(weak.fill()) < at(strong.fill()), "what comes later lies above");
    assert!(svg.contains("MMI 8 &lt;b&gt;") && !svg.contains("told 0"));
    roxmltree::Document::parse(&svg).expect("well-formed");
    let (plain, coloured) = (map.terminal(80, false), map.terminal(80, true));
    assert!(coloured.contains(weak.ink()) && coloured.contains(strong.ink()));
    assert!(plain.contains("MMI 8") && !plain.contains('\u{1b}'), "{plain}");
}

#[test]
fn tints_follow_the_steps_of_a_scale() {
    use crate::domain::{Intensity, IntensityScale};
    let tint = |value, scale| Tint::of_intensity(Intensity { value, scale });
    let (mmi, jma) = (IntensityScale::Mmi, IntensityScale::Jma);
    assert_eq!([1.0, 3.0, 4.9, 9.0, 12.0].map(|value| tint(value, mmi)), [0, 0, 1, 6, 7].map(Tint::Step));
    assert_eq!([0.0, 1.5, 4.5, 5.0, 6.5].map(|value| tint(value, jma)), [0, 1, 4, 5, 7].map(Tint::Step));
    assert_eq!(Tint::Step(200).fill(), Tint::Step(7).fill());
}
