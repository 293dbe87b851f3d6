//! Invented people. Any likeness is chance.

/// E-mail name and full name of the ten telecallers.
pub(super) const TELECALLERS: [(&str, &str); 10] = [
    ("asha", "Asha Kulkarni"),
    ("bharat", "Bharat Solanki"),
    ("chitra", "Chitra Iyer"),
    ("deepak", "Deepak Thakur"),
    ("esha", "Esha Banerjee"),
    ("farhan", "Farhan Siddiqui"),
    ("gauri", "Gauri Deshpande"),
    ("harish", "Harish Reddy"),
    ("indu", "Indu Pillai"),
    ("jatin", "Jatin Malhotra"),
];

/// Last four digits of each telecaller's first ten leads: behaviours worth meeting early.
pub(super) const BEHAVIOURS: [usize; 10] = [1, 2, 9, 3, 5, 8, 15, 4, 10, 12];

const FIRST: [&str; 25] = [
    "Meera", "Ravi", "Sunita", "Imran", "Kavita", "Arjun", "Lakshmi", "Sanjay", "Fatima", "Rohan",
    "Nandini", "Vikram", "Pooja", "Suresh", "Anjali", "Manoj", "Rekha", "Aditya", "Zoya",
    "Karthik", "Divya", "Gopal", "Neha", "Prakash", "Tara",
];
const LAST: [&str; 24] = [
    "Nair",
    "Kumar",
    "Sharma",
    "Qureshi",
    "Patil",
    "Singh",
    "Subramanian",
    "Gupta",
    "Ansari",
    "Mehta",
    "Ghosh",
    "Rathore",
    "Bhat",
    "Yadav",
    "Chavan",
    "Tiwari",
    "Menon",
    "Kapoor",
    "Shaikh",
    "Rao",
    "Das",
    "Pandey",
    "Joshi",
    "Verma",
];
const PLACES: [(&str, &str); 8] = [
    ("Sunrise Public School", "110001"),
    ("Vidya Mandir", "400001"),
    ("Green Valley Academy", "560001"),
    ("Saraswati Coaching", "411001"),
    ("Navjeevan Vidyalaya", "380001"),
    ("Little Scholars", "500001"),
    ("Gyan Jyoti Institute", "302001"),
    ("Horizon Junior College", "600001"),
];
const COURSES: [&str; 5] = [
    "Spoken English",
    "Maths foundation",
    "Computer basics",
    "Class 10 board",
    "NEET crash course",
];
const SOURCES: [&str; 4] = ["landing_page", "csv", "manual", "api"];

/// Somebody who does not exist.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) organisation: String,
    pub(super) pincode: String,
    pub(super) language: &'static str,
    pub(super) source: &'static str,
    pub(super) course: &'static str,
    pub(super) score: u8,
}

/// The `index`-th invented person; the same every time.
pub(super) fn invented(index: usize) -> Person {
    let first = FIRST[(index * 7) % FIRST.len()];
    let last = LAST[(index * 5 + index / FIRST.len()) % LAST.len()];
    let (organisation, pincode) = PLACES[(index * 3) % PLACES.len()];
    Person {
        name: format!("{first} {last}"),
        email: format!("{}.{}{index}@example.in", first.to_lowercase(), last.to_lowercase()),
        organisation: organisation.into(),
        pincode: pincode.into(),
        language: if index.is_multiple_of(3) { "hi" } else { "en" },
        source: SOURCES[index % SOURCES.len()],
        course: COURSES[(index * 11) % COURSES.len()],
        score: u8::try_from((index * 37) % 90).unwrap_or(0),
    }
}
