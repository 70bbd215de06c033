//! Addresses at vendors (R-B4).

use super::*;

fn tokens(house: &House, name: &RegistrationName) -> (Vec<Token>, Vec<ChannelKind>) {
    let held = house.registry().get(name).expect("held");
    (held.tokens, held.gone)
}

#[test]
fn an_address_that_is_gone_is_removed_and_its_partner_can_see_that() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.registry().forget_token(held.slot, token(ChannelKind::Fcm, "fcm-1"));
    house.look();
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!(tokens(&house, &held.name), (Vec::new(), vec![ChannelKind::Fcm]));
        assert_eq!(house.registry().facts(held.slot).channels, 0);
        assert_eq!(house.registry().token(held.slot, ChannelKind::Fcm), None);
    }
    let change = RegistrationChange { tokens: Some(vec![token(ChannelKind::Fcm, "fcm-2")]), ..Default::default() };
    let updated = house.make(|registry| registry.update(&held.name, change)).expect("updated").registration;
    assert_eq!((updated.tokens, updated.gone), (vec![token(ChannelKind::Fcm, "fcm-2")], Vec::new()));
}

#[test]
fn a_word_on_an_older_address_does_not_remove_the_newer() {
    let house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    let given = vec![token(ChannelKind::Fcm, "fcm-2"), token(ChannelKind::Xiaomi, "mi-1")];
    let change = RegistrationChange { tokens: Some(given.clone()), ..Default::default() };
    house.make(|registry| registry.update(&held.name, change)).expect("updated");
    house.registry().forget_token(held.slot, token(ChannelKind::Fcm, "fcm-1"));
    house.registry().forget_token(Slot(4_000_000), token(ChannelKind::Fcm, "fcm-1"));
    house.look();
    assert_eq!(tokens(&house, &held.name), (given, Vec::new()));
}

#[test]
fn an_update_replaces_what_it_names_and_nothing_else() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.clock.advance(Duration::from_mins(1));
    let change = RegistrationChange { traits: Some(traits(&["de", "fr"])), ..Default::default() };
    house.make(|registry| registry.update(&held.name, change)).expect("updated");
    let change = RegistrationChange { tokens: Some(Vec::new()), drills: Some(false), ..Default::default() };
    let updated = house.make(|registry| registry.update(&held.name, change)).expect("updated").registration;
    let expected =
        Registration { traits: traits(&["de", "fr"]), tokens: Vec::new(), drills: false, updated: house.now(), ..held };
    assert_eq!(updated, expected);
    house.reopen();
    assert_eq!(house.registry().get(&updated.name).expect("held"), expected);
    let facts = house.registry().facts(updated.slot);
    let read = facts.languages.iter().filter_map(|&id| house.registry().language(id));
    assert!(read.eq(traits(&["de", "fr"]).languages));
}
