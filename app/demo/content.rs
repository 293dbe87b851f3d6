//! What agents read while they talk: scripts, objections with answers, articles.

use chrono::Utc;
use crm::{
    Store,
    content::{Article, Objection, Script},
    fresh,
    tenants::Tenant,
};

const SCRIPT_EN: &str = "\
# Greeting
Good day, am I speaking with {{lead.name}}? This is {{agent.name}} from Pratham Learning.

# Why we call
You asked about **{{lead.course}}**. Do you have two minutes?

# Questions
- Who will join the course?
- Which class or level?
- Morning or evening?

# Offer
The course runs twelve weeks, three evenings a week, with a free first class.

# Close
Shall I book the free class for you? Which day suits you?
";

const SCRIPT_HI: &str = "\
# अभिवादन
नमस्ते, क्या मैं {{lead.name}} जी से बात कर रही हूँ? मैं {{agent.name}}, प्रथम लर्निंग से।

# कॉल का कारण
आपने **{{lead.course}}** के बारे में पूछा था। क्या दो मिनट बात कर सकते हैं?

# प्रश्न
- कोर्स कौन करेगा?
- कौन सी कक्षा या स्तर?
- सुबह या शाम?

# प्रस्ताव
कोर्स बारह हफ़्ते का है, हफ़्ते में तीन शाम, और पहली कक्षा मुफ़्त है।

# समापन
क्या मैं आपके लिए मुफ़्त कक्षा बुक कर दूँ? कौन सा दिन ठीक रहेगा?
";

/// Category, what people say, what to answer.
const OBJECTIONS: [(&str, &str, &str); 22] = [
    (
        "price",
        "It is too expensive",
        "I understand. The fee covers twelve weeks and can be paid in three parts. Shall I tell you what one class comes to?",
    ),
    (
        "price",
        "Others are cheaper",
        "Some are. Ask them how many students sit in a class: ours never have more than fifteen.",
    ),
    (
        "price",
        "Is there a discount?",
        "Yes, for brothers and sisters and for payment at once. Who else in the family might join?",
    ),
    (
        "price",
        "I cannot pay now",
        "You pay only after the free first class, and then in parts if you like.",
    ),
    (
        "time",
        "I am busy, call back later",
        "Of course. Would this evening after six or tomorrow at eleven suit you better?",
    ),
    (
        "time",
        "I have no time for a course",
        "That is why we teach in the evening, three times a week, one hour each.",
    ),
    ("time", "My child has exams", "Then let us begin after the exams. May I note the date?"),
    (
        "interest",
        "I am not interested",
        "Thank you for telling me. May I ask whether the course or the timing did not fit?",
    ),
    (
        "interest",
        "I was only looking",
        "That is fine. The free class is just that: a look, without any duty.",
    ),
    (
        "interest",
        "Send me the details",
        "Gladly. I will send them at once. Which question should they answer for you?",
    ),
    (
        "have",
        "We already have tuition",
        "Good. Many of our students come beside their tuition, for speaking practice only.",
    ),
    (
        "have",
        "School teaches this already",
        "School has forty in a class. Here your child speaks in every lesson.",
    ),
    (
        "approval",
        "I must ask at home",
        "Please do. Shall I call when both of you are there? When would that be?",
    ),
    (
        "approval",
        "My husband decides",
        "Then I would rather explain it to you both. Is this evening good?",
    ),
    (
        "trust",
        "I do not know your company",
        "We have taught since 2009 and you can visit any centre. The nearest to you is ten minutes away.",
    ),
    (
        "trust",
        "Is this a fraud call?",
        "It is right to ask. Please call the number on our website and ask for me by name.",
    ),
    (
        "trust",
        "Where did you get my number?",
        "You left it on our page about the course. If you wish, I will remove it right now.",
    ),
    (
        "quality",
        "Are the teachers good?",
        "Every teacher has a degree in the subject and is watched in class once a month.",
    ),
    (
        "quality",
        "Online classes do not work",
        "Our classes are at the centre, face to face. Online is only for revision.",
    ),
    (
        "distance",
        "The centre is far away",
        "There are eleven centres. Tell me your pincode and I will find the nearest.",
    ),
    (
        "language",
        "I do not speak English well",
        "That is just what the course is for. We begin in Hindi and go over step by step.",
    ),
    ("trust", "कृपया मुझे दोबारा कॉल न करें", "ज़रूर, मैं अभी आपका नंबर हटा देती हूँ। आपका दिन शुभ हो।"),
];

/// Category, title, text.
const ARTICLES: [(&str, &str, &str); 6] = [
    (
        "fees",
        "Fees and payment",
        "The fee is Rs 6,000 for twelve weeks. It can be paid in three parts. A second child of the family pays half.",
    ),
    (
        "admissions",
        "Free first class",
        "Everybody may sit in one class free of charge. Book day, centre and level; the student brings a notebook.",
    ),
    (
        "admissions",
        "Documents for admission",
        "A photo, proof of age, and the last mark sheet for board courses.",
    ),
    (
        "courses",
        "Spoken English levels",
        "Three levels. A five-minute talk on the phone is enough to place a student.",
    ),
    (
        "centres",
        "Opening hours",
        "Centres are open from 9 in the morning to 8 in the evening, Monday to Saturday.",
    ),
    (
        "policy",
        "Refunds",
        "Until the second week the whole fee is paid back, afterwards the part not yet used.",
    ),
];

/// Writes all of it for one tenant.
pub(super) async fn seed(store: &Store, tenant: &Tenant) -> anyhow::Result<()> {
    let now = Utc::now();
    for (name, language, body) in
        [("Admission call", "en", SCRIPT_EN), ("प्रवेश कॉल", "hi", SCRIPT_HI)]
    {
        let script = Script {
            id: fresh(),
            name: name.into(),
            language: language.into(),
            body: body.into(),
            source: None,
            active: true,
            updated_at: now,
        };
        store.script_save(tenant.id, &script).await?;
    }
    for (category, objection, response) in OBJECTIONS {
        let entry = Objection {
            id: fresh(),
            category: category.into(),
            language: if objection.is_ascii() { "en" } else { "hi" }.into(),
            objection: objection.into(),
            response: response.into(),
            updated_at: now,
        };
        store.objection_save(tenant.id, &entry).await?;
    }
    for (category, title, body) in ARTICLES {
        let article = Article {
            id: fresh(),
            category: category.into(),
            language: "en".into(),
            title: title.into(),
            body: body.into(),
            updated_at: now,
        };
        store.article_save(tenant.id, &article).await?;
    }
    Ok(())
}
