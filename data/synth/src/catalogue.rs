//! What the shops sell: a short catalogue for each trade, with prices in US cents.
//!
//! Invariant: at most [`MAX_PRODUCTS`] products in one, and no text that JSON would have to escape.

/// Products fit into a byte, with room for the marks of `event::Page`.
pub(super) const MAX_PRODUCTS: usize = 32;

/// One product of a catalogue.
#[derive(Debug)]
pub(super) struct Product {
    /// `product_id`, which is also the last part of its address.
    pub(super) id: &'static str,
    /// As people call it in a chat.
    pub(super) name: &'static str,
    /// Price in US cents.
    pub(super) price: i64,
}

/// A trade: what a shop of it sells, and which procedures make sense there.
#[derive(Debug)]
pub(super) struct Catalogue {
    /// What generated shop names end with.
    pub(super) noun: &'static str,
    /// Things that are worn: people ask for sizes.
    pub(super) worn: bool,
    /// Things that are used up: people subscribe.
    pub(super) consumed: bool,
    pub(super) products: &'static [Product],
}

const fn product(id: &'static str, name: &'static str, price: i64) -> Product {
    Product { id, name, price }
}

pub(super) const OUTDOORS: usize = 0;
pub(super) const BEAUTY: usize = 1;
pub(super) const HOME: usize = 2;
pub(super) const FASHION: usize = 3;
pub(super) const COFFEE: usize = 4;
pub(super) const AUDIO: usize = 5;
pub(super) const PETS: usize = 6;
pub(super) const TOYS: usize = 7;

/// All trades; the constants above are places in it.
pub(super) static CATALOGUES: [Catalogue; 8] = [
    Catalogue {
        noun: "Outdoors",
        worn: true,
        consumed: false,
        products: &[
            product("ridge-down-jacket", "Ridge Down Jacket", 24900),
            product("trail-runner-3", "Trail Runner 3", 13900),
            product("summit-40-pack", "Summit 40 Pack", 17900),
            product("merino-base-layer", "Merino Base Layer", 7900),
            product("two-person-tent", "Lakeside 2 Tent", 32900),
            product("insulated-bottle-750", "Insulated Bottle 750", 3495),
            product("trekking-poles", "Carbon Trekking Poles", 11900),
            product("rain-shell", "Storm Rain Shell", 18900),
            product("camp-stove-mini", "Mini Camp Stove", 5995),
            product("hiking-socks-3-pack", "Hiking Socks 3-Pack", 2995),
            product("headlamp-400", "Headlamp 400", 4495),
            product("sleeping-bag-minus-5", "Sleeping Bag -5", 21900),
        ],
    },
    Catalogue {
        noun: "Skin",
        worn: false,
        consumed: true,
        products: &[
            product("vitamin-c-serum", "Vitamin C Serum", 3800),
            product("hydrating-cleanser", "Hydrating Cleanser", 2200),
            product("daily-spf-50", "Daily SPF 50", 2900),
            product("retinol-night-cream", "Retinol Night Cream", 5400),
            product("clay-mask", "Clay Mask", 2600),
            product("lip-balm-trio", "Lip Balm Trio", 1495),
            product("rose-mist", "Rose Mist", 1800),
            product("starter-set", "Starter Set", 7900),
            product("body-butter", "Body Butter", 2450),
            product("eye-gel", "Cooling Eye Gel", 3150),
        ],
    },
    Catalogue {
        noun: "Home",
        worn: false,
        consumed: false,
        products: &[
            product("linen-duvet-cover", "Linen Duvet Cover", 18900),
            product("oak-side-table", "Oak Side Table", 24900),
            product("wool-throw", "Wool Throw", 8900),
            product("stoneware-set-16", "Stoneware Set of 16", 14900),
            product("arc-floor-lamp", "Arc Floor Lamp", 19900),
            product("percale-sheets", "Percale Sheet Set", 12900),
            product("jute-rug-160", "Jute Rug 160", 22900),
            product("candle-cedar", "Cedar Candle", 3200),
            product("bath-towels-4", "Bath Towels (4)", 7600),
            product("wall-mirror-round", "Round Wall Mirror", 13900),
            product("memory-foam-pillow", "Memory Foam Pillow", 5900),
        ],
    },
    Catalogue {
        noun: "Studio",
        worn: true,
        consumed: false,
        products: &[
            product("organic-tee", "Organic Tee", 2900),
            product("high-rise-jeans", "High-Rise Jeans", 9800),
            product("wrap-midi-dress", "Wrap Midi Dress", 11900),
            product("cashmere-crew", "Cashmere Crew", 15900),
            product("leather-chelsea-boot", "Leather Chelsea Boot", 18900),
            product("linen-shirt", "Linen Shirt", 7400),
            product("puffer-vest", "Puffer Vest", 8900),
            product("canvas-tote", "Canvas Tote", 3500),
            product("wide-leg-trousers", "Wide-Leg Trousers", 8600),
            product("silk-scarf", "Silk Scarf", 5400),
            product("everyday-sneaker", "Everyday Sneaker", 10900),
            product("swim-one-piece", "Swim One-Piece", 7800),
        ],
    },
    Catalogue {
        noun: "Coffee",
        worn: false,
        consumed: true,
        products: &[
            product("house-espresso-1kg", "House Espresso 1 kg", 3200),
            product("ethiopia-filter-250", "Ethiopia Filter 250 g", 1650),
            product("decaf-blend-250", "Decaf Blend 250 g", 1500),
            product("pour-over-kit", "Pour-Over Kit", 4800),
            product("hand-grinder", "Hand Grinder", 8900),
            product("cold-brew-bags", "Cold Brew Bags", 1895),
            product("tasting-box", "Tasting Box", 2900),
            product("milk-frother", "Milk Frother", 5900),
            product("oat-drink-6-pack", "Oat Drink 6-Pack", 1794),
        ],
    },
    Catalogue {
        noun: "Audio",
        worn: false,
        consumed: false,
        products: &[
            product("studio-headphones", "Studio Headphones", 22900),
            product("buds-pro-2", "Buds Pro 2", 14900),
            product("bookshelf-speakers", "Bookshelf Speakers", 34900),
            product("turntable-one", "Turntable One", 29900),
            product("usb-c-dac", "USB-C DAC", 9900),
            product("portable-speaker", "Portable Speaker", 7900),
            product("charging-case", "Charging Case", 3900),
            product("desk-microphone", "Desk Microphone", 12900),
            product("ear-tips-set", "Ear Tips Set", 1490),
            product("soundbar-mini", "Soundbar Mini", 19900),
        ],
    },
    Catalogue {
        noun: "Pets",
        worn: false,
        consumed: true,
        products: &[
            product("grain-free-salmon-12kg", "Grain-Free Salmon 12 kg", 6890),
            product("puppy-starter-box", "Puppy Starter Box", 4900),
            product("dental-chews-28", "Dental Chews (28)", 2190),
            product("orthopedic-dog-bed", "Orthopedic Dog Bed", 9900),
            product("cat-tree-large", "Cat Tree Large", 11900),
            product("clumping-litter-10l", "Clumping Litter 10 L", 1690),
            product("no-pull-harness", "No-Pull Harness", 3400),
            product("salmon-oil", "Salmon Oil", 1990),
            product("travel-crate", "Travel Crate", 8500),
        ],
    },
    Catalogue {
        noun: "Toys",
        worn: false,
        consumed: false,
        products: &[
            product("wooden-train-set", "Wooden Train Set", 5900),
            product("balance-bike", "Balance Bike", 9900),
            product("magnetic-tiles-100", "Magnetic Tiles (100)", 7900),
            product("plush-fox", "Plush Fox", 2400),
            product("art-easel", "Art Easel", 6900),
            product("story-blocks", "Story Blocks", 3200),
            product("marble-run-xl", "Marble Run XL", 5400),
            product("bath-boats", "Bath Boats", 1995),
            product("dolls-house", "Dolls House", 12900),
        ],
    },
];
