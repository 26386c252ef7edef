//! The words that people, companies and their records are called by.

pub(super) const FIRST: [&str; 48] = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Elena",
    "Farid",
    "Grace",
    "Henry",
    "Ines",
    "Jonas",
    "Kate",
    "Liam",
    "Maya",
    "Noah",
    "Olga",
    "Peter",
    "Quinn",
    "Rosa",
    "Søren",
    "Tara",
    "Uwe",
    "Vera",
    "Will",
    "Xenia",
    "Yusuf",
    "Zoe",
    "Aiko",
    "Björn",
    "Chloé",
    "Dmitri",
    "Emily",
    "François",
    "Greta",
    "Hugo",
    "Isla",
    "Jack",
    "Kenji",
    "Laura",
    "Marco",
    "Nadia",
    "Oscar",
    "Priya",
    "Ravi",
    "Sofia",
    "Thomas",
    "Uma",
    "Viktor",
    "Wendy",
];

pub(super) const LAST: [&str; 60] = [
    "Abbott",
    "Baker",
    "Carter",
    "Dubois",
    "Evans",
    "Fischer",
    "Garcia",
    "Hughes",
    "Ivanova",
    "Jensen",
    "Khan",
    "Larsson",
    "Müller",
    "Novak",
    "O'Brien",
    "Patel",
    "Quigley",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ueda",
    "Vogel",
    "Wagner",
    "Xu",
    "Young",
    "Zhang",
    "Andersen",
    "Bauer",
    "Costa",
    "Díaz",
    "Eriksen",
    "Fontaine",
    "Gruber",
    "Hansen",
    "Iyer",
    "Jones",
    "Keller",
    "Lopez",
    "Martin",
    "Nguyen",
    "Okafor",
    "Petrov",
    "Reid",
    "Silva",
    "Taylor",
    "Urban",
    "Varga",
    "Walsh",
    "Xavier",
    "Yilmaz",
    "Zimmermann",
    "Ahmed",
    "Brown",
    "Clarke",
    "Doyle",
    "Ellis",
    "Foster",
    "Green",
    "Hall",
    "Ito",
];

pub(super) const TITLES: [&str; 14] = [
    "Marketing Manager",
    "VP Marketing",
    "Head of Demand Generation",
    "CMO",
    "Marketing Operations Manager",
    "Director, Revenue Operations",
    "Sales Operations Analyst",
    "CEO",
    "Head of Sales",
    "Campaign Manager",
    "IT Manager",
    "CFO",
    "Product Manager",
    "Consultant",
];

pub(super) const COMPANY: [&str; 50] = [
    "Alder", "Birch", "Cobalt", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Indigo",
    "Juniper", "Kestrel", "Lumen", "Maple", "Nimbus", "Onyx", "Prairie", "Quartz", "Raven",
    "Summit", "Tundra", "Umbra", "Vertex", "Willow", "Xylo", "Yarrow", "Zenith", "Anchor",
    "Beacon", "Cedar", "Drift", "Elm", "Fern", "Glacier", "Hollow", "Iris", "Jade", "Knoll",
    "Lark", "Mesa", "Noble", "Orchard", "Pioneer", "Quill", "Ridge", "Sable", "Thistle", "Upland",
    "Vale", "Wren", "Aspen",
];

/// A business, and the industry that it is in.
pub(super) const BUSINESS: [(&str, &str); 16] = [
    ("Software", "Software"),
    ("Logistics, Inc.", "Transportation"),
    ("Health", "Healthcare"),
    ("Foods", "Food & Beverage"),
    ("Bank", "Banking"),
    ("Energy", "Energy"),
    ("Media", "Media"),
    ("Robotics", "Manufacturing"),
    ("Insurance", "Insurance"),
    ("Labs", "Biotechnology"),
    ("Retail", "Retail"),
    ("Education", "Education"),
    ("Networks", "Telecommunications"),
    ("\"Build\" Group", "Construction"),
    ("Travel", "Hospitality"),
    ("Analytics", "Software"),
];

pub(super) const DISQUALIFY: [&str; 5] = [
    "Student",
    "Competitor",
    "Bad contact data",
    "Too small",
    "Outside our market",
];

pub(super) const RECYCLE: [&str; 4] = ["No response", "Timing", "No budget", "Not ready"];

pub(super) const PAGES: [&str; 8] = [
    "/",
    "/pricing",
    "/product",
    "/blog/lead-scoring",
    "/blog/funnel-math",
    "/customers",
    "/compare",
    "/docs/start",
];

pub(super) const FORMS: [&str; 4] = ["Request a demo", "Contact us", "Whitepaper", "Free trial"];

pub(super) const PRODUCTS: [&str; 3] = ["Automation", "Analytics", "Automation, Analytics"];

/// A name in the letters that an e-mail address may hold.
pub(super) fn ascii(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in name.to_lowercase().chars() {
        match letter {
            'ü' => out.push_str("ue"),
            'ø' | 'ö' => out.push('o'),
            'é' => out.push('e'),
            'ç' => out.push('c'),
            'í' => out.push('i'),
            'a'..='z' | '0'..='9' => out.push(letter),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // Every name makes an address; accents and apostrophes do not get into it.
    #[test]
    fn every_name_makes_an_address() {
        assert_eq!(ascii("Müller"), "mueller");
        assert_eq!(ascii("O'Brien"), "obrien");
        for name in FIRST.iter().chain(&LAST) {
            assert!(ascii(name).len() >= 2, "{name}");
        }
    }
}
