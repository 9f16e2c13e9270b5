//! The shops: who they are, where, in which money, how big, and with which settings.
//!
//! Invariant: the first shops are the same for every seed, so that docs and demos can name them; `aurora-outdoors`
//! comes first and is the largest.

use rapport_zones::Tz;

use super::catalogue::{AUDIO, BEAUTY, CATALOGUES, COFFEE, FASHION, HOME, OUTDOORS, PETS, TOYS};
use super::dice::hash;

/// A currency, and what a US cent is about worth in its hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Currency {
    pub(super) code: &'static str,
    pub(super) rate: i64,
    /// Prices have no hundredths (they are still written with two decimals).
    pub(super) whole: bool,
}

const fn money(code: &'static str, rate: i64, whole: bool) -> Currency {
    Currency { code, rate, whole }
}

const USD: Currency = money("USD", 1, false);
const EUR: Currency = money("EUR", 1, false);
const GBP: Currency = money("GBP", 1, false);
const AUD: Currency = money("AUD", 1, false);
const CAD: Currency = money("CAD", 1, false);
const NZD: Currency = money("NZD", 2, false);
const BRL: Currency = money("BRL", 5, false);
const SEK: Currency = money("SEK", 10, false);
const INR: Currency = money("INR", 70, true);
const JPY: Currency = money("JPY", 140, true);
const CLP: Currency = money("CLP", 900, true);

/// What people from elsewhere pay in.
pub(super) const FOREIGN: [Currency; 5] = [USD, EUR, GBP, CAD, AUD];

/// A place: its zone, its money, and how much more than elsewhere people write by WhatsApp (per mille of all chats).
#[derive(Clone, Copy, Debug)]
struct Place {
    zone: &'static str,
    currency: Currency,
    whatsapp: u32,
}

const fn place(zone: &'static str, currency: Currency, whatsapp: u32) -> Place {
    Place {
        zone,
        currency,
        whatsapp,
    }
}

const NEW_YORK: Place = place("America/New_York", USD, 0);
const LOS_ANGELES: Place = place("America/Los_Angeles", USD, 0);
const CHICAGO: Place = place("America/Chicago", USD, 0);
const PHOENIX: Place = place("America/Phoenix", USD, 0);
const TORONTO: Place = place("America/Toronto", CAD, 0);
const ST_JOHNS: Place = place("America/St_Johns", CAD, 0);
const LONDON: Place = place("Europe/London", GBP, 60);
const BERLIN: Place = place("Europe/Berlin", EUR, 120);
const MADRID: Place = place("Europe/Madrid", EUR, 180);
const STOCKHOLM: Place = place("Europe/Stockholm", SEK, 20);
const ADELAIDE: Place = place("Australia/Adelaide", AUD, 30);
const SYDNEY: Place = place("Australia/Sydney", AUD, 30);
const LORD_HOWE: Place = place("Australia/Lord_Howe", AUD, 0);
const AUCKLAND: Place = place("Pacific/Auckland", NZD, 20);
const KOLKATA: Place = place("Asia/Kolkata", INR, 240);
const TOKYO: Place = place("Asia/Tokyo", JPY, 0);
const SAO_PAULO: Place = place("America/Sao_Paulo", BRL, 260);
const SANTIAGO: Place = place("America/Santiago", CLP, 200);

const PLACES: [Place; 18] = [
    NEW_YORK,
    LOS_ANGELES,
    CHICAGO,
    PHOENIX,
    TORONTO,
    ST_JOHNS,
    LONDON,
    BERLIN,
    MADRID,
    STOCKHOLM,
    ADELAIDE,
    SYDNEY,
    LORD_HOWE,
    AUCKLAND,
    KOLKATA,
    TOKYO,
    SAO_PAULO,
    SANTIAGO,
];

/// `id`, `name`, trade, place, and the settings that differ from the defaults (as they stand in the line).
type Known = (&'static str, &'static str, usize, Place, &'static str);

const KNOWN: [Known; 20] = [
    ("aurora-outdoors", "Aurora Outdoors", OUTDOORS, NEW_YORK, ""),
    (
        "fjord-and-fern",
        "Fjord & Fern",
        HOME,
        BERLIN,
        r#","idle_timeout":"3 days""#,
    ),
    (
        "saltbush-skin",
        "Saltbush Skin",
        BEAUTY,
        ADELAIDE,
        r#","attribution_model":"linear""#,
    ),
    (
        "northbeam-audio",
        "Northbeam Audio",
        AUDIO,
        LOS_ANGELES,
        r#","attribution_preset":"legacy""#,
    ),
    (
        "kettle-and-crane",
        "Kettle & Crane Coffee",
        COFFEE,
        LONDON,
        r#","exclude_machine_opens":true"#,
    ),
    (
        "indigo-loom",
        "Indigo Loom",
        FASHION,
        KOLKATA,
        r#","idle_timeout":"24 hours","windows":{"whatsapp_opened":"24 hours"}"#,
    ),
    (
        "paw-parade",
        "Paw Parade",
        PETS,
        CHICAGO,
        r#","exclude_transactional":true,"exclude_machine_opens":true"#,
    ),
    (
        "casa-alameda",
        "Casa Alameda",
        HOME,
        MADRID,
        r#","attribution_model":"linear","attribution_preset":"legacy""#,
    ),
    ("little-lantern", "Little Lantern Toys", TOYS, ST_JOHNS, ""),
    (
        "harbour-thread",
        "Harbour Thread",
        FASHION,
        SYDNEY,
        r#","windows":{"sms_clicked":"36 hours","email_opened":"off"}"#,
    ),
    ("mesa-trail", "Mesa Trail Co.", OUTDOORS, PHOENIX, ""),
    (
        "maple-and-moss",
        "Maple & Moss",
        HOME,
        TORONTO,
        r#","exclude_bot_clicks":false"#,
    ),
    (
        "sol-de-verao",
        "Sol de Verão",
        FASHION,
        SAO_PAULO,
        r#","idle_timeout":"2 days""#,
    ),
    ("kumo-coffee", "Kumo Coffee", COFFEE, TOKYO, ""),
    (
        "norrsken-ljud",
        "Norrsken Ljud",
        AUDIO,
        STOCKHOLM,
        r#","exclude_transactional":true"#,
    ),
    (
        "cordillera-sur",
        "Cordillera Sur",
        OUTDOORS,
        SANTIAGO,
        r#","attribution_preset":"legacy""#,
    ),
    (
        "tui-and-tide",
        "Tui & Tide",
        BEAUTY,
        AUCKLAND,
        r#","attribution_model":"linear","idle_timeout":"7 days""#,
    ),
    ("blackbird-boots", "Blackbird Boots", FASHION, LONDON, ""),
    (
        "biscuit-and-bark",
        "Biscuit & Bark",
        PETS,
        NEW_YORK,
        r#","attribution_preset":"legacy","windows":{"sms_clicked":"2 days"}"#,
    ),
    ("reef-supply", "Reef Supply", OUTDOORS, LORD_HOWE, ""),
];

const FIRST_WORDS: [&str; 24] = [
    "Amber", "Birch", "Cedar", "Copper", "Crescent", "Dune", "Ember", "Fable", "Golden", "Hazel",
    "Iron", "Juniper", "Linden", "Marble", "Meadow", "Nimbus", "Olive", "Pebble", "Quartz",
    "Raven", "Sable", "Tidal", "Velvet", "Willow",
];
const SECOND_WORDS: [&str; 16] = [
    "Bay", "Bridge", "Field", "Fox", "Grove", "Hill", "House", "Lane", "Mill", "Moon", "Oak",
    "Peak", "River", "Row", "Stone", "Wren",
];
/// Settings of the shops beyond the known ones; most have the defaults.
const MORE_SETTINGS: [&str; 12] = [
    "",
    "",
    "",
    "",
    "",
    "",
    r#","attribution_preset":"legacy""#,
    r#","attribution_preset":"legacy","idle_timeout":"5 days""#,
    r#","attribution_model":"linear""#,
    r#","idle_timeout":"48 hours""#,
    r#","exclude_machine_opens":true"#,
    r#","windows":{"email_opened":"2 days","push_opened":"off"}"#,
];

/// What of a shop does not change while it runs.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) name: String,
    /// Its trade, a place in [`CATALOGUES`].
    pub(super) trade: usize,
    pub(super) zone: Tz,
    pub(super) currency: Currency,
    /// Per mille of chats that come by WhatsApp beyond the usual.
    pub(super) whatsapp: u32,
    settings: &'static str,
}

impl Identity {
    /// The shop at `index`, the same in every run with this `seed`.
    pub(super) fn new(index: usize, seed: u64) -> Self {
        if let Some((id, name, trade, place, settings)) = KNOWN.get(index) {
            return Self::at(
                *place,
                (*id).to_owned(),
                (*name).to_owned(),
                *trade,
                settings,
            );
        }
        let chance = hash(seed, index as u64, 11);
        let part = |shift: u32, of: usize| (chance >> shift) as usize % of;
        let (first, second) = (
            FIRST_WORDS[part(0, FIRST_WORDS.len())],
            SECOND_WORDS[part(8, SECOND_WORDS.len())],
        );
        let trade = part(16, CATALOGUES.len());
        let id = format!(
            "{}-{}-{}",
            first.to_lowercase(),
            second.to_lowercase(),
            index + 1
        );
        let name = format!("{first} {second} {}", CATALOGUES[trade].noun);
        let settings = MORE_SETTINGS[part(32, MORE_SETTINGS.len())];
        Self::at(PLACES[part(24, PLACES.len())], id, name, trade, settings)
    }

    fn at(place: Place, id: String, name: String, trade: usize, settings: &'static str) -> Self {
        Self {
            id,
            name,
            trade,
            // The zones of all places exist, which the tests see to.
            zone: Tz::named(place.zone).unwrap_or(Tz::UTC),
            currency: place.currency,
            whatsapp: place.whatsapp,
            settings,
        }
    }

    /// The shop's line of `accounts.ndjson`.
    pub(super) fn settings_line(&self) -> String {
        format!(
            r#"{{"account_id":"{}","name":"{}","timezone":"{}","currency":"{}"{}}}"#,
            self.id,
            self.name,
            self.zone.name(),
            self.currency.code,
            self.settings
        )
    }
}

/// How big the shop at `index` is beside the others: by Zipf's law, so that of 200 the largest has a sixth of all.
pub(super) const fn size(index: usize) -> u64 {
    1_000_000_000 / (index as u64 + 1)
}
