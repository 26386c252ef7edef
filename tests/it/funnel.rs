//! The definition as a contract: read, tested, changed on the past, signed.

use serde_json::{Value, json};

use crate::small::{FIRST, SECOND, THIRD, commits, fresh, night, published, told};
use crate::support::Project;

/// Three nights of the small deployment.
fn three_nights() -> Project {
    let project = published();
    project.ok(&["run", "--as-of", SECOND]);
    project.ok(&["run", "--as-of", THIRD]);
    project
}

/// The MQL by score, and without the stage SAL.
fn write_other(project: &Project) {
    let text = project.read("config/funnel.yaml");
    let lines = text.lines().filter(|line| !line.contains("id: sal"));
    let other = lines.collect::<Vec<_>>().join("\n");
    let other = other.replace("stamp: mql_at", "when: \"lead_score >= 70\"");
    project.write("other.yaml", other.replace("2025-q1", "2025-q2"));
}

// The card says every rule in words, and who signed.
#[test]
fn a_definition_is_shown_in_words() {
    let project = fresh();
    let shown = project.ok(&["funnel", "show"]).stdout;
    let hash = json_of(&project, &["funnel", "show"])["hash"].clone();
    let hash = hash.as_str().unwrap();
    assert_eq!(hash.len(), 64);
    let expected = format!(
        "Definition 2025-q1, in force from 2025-01-01
SHA-256 {hash}
no signature asked for

1. Known (known)
   We hold an address.
   Entered when `email is not null` turns true

2. Responded (responded)
   Sent a form.
   Entered at a response where `success`

3. Marketing qualified lead (mql)
   Marketing handed the lead over.
   Entered at the instant in `mql_at`

4. Sales accepted lead (sal)
   Sales works on the lead.
   Entered when `status = 'Working'` turns true

5. Opportunity (opportunity)
   A deal is open.
   Entered when an opportunity is first seen where `stage <> 'Draft'`

6. Closed (closed)
   The deal is won or lost.
   Entered at `close_date` of an opportunity where `is_closed`
   Won where `is_won`, else lost

Recycled when `status = 'Recycled'`, back to Known; the reason is `recycle_reason`
Never counted internal: `email like '%@small.example'`
New business: New
After a close a person's next cycle starts from Known and no sooner than 30 days later
Skipped stages: a later stage implies the earlier ones
Deleted persons: their entries stay, and the open ones exit as deleted
Examples: 0
"
    );
    assert_eq!(shown, expected);
}

fn json_of(project: &Project, args: &[&str]) -> Value {
    let ran = project.ok(&[args, &["--json"]].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.stdout))
}

const EXAMPLES: &str = "
tests:
  - name: Skipped stages are passed
    as_of: 2025-03-31
    person:
      - { at: 2025-03-03 09:00, email: ann@kunde.example, status: New }
      - { at: 2025-03-05 14:30, status: Working }
    expect: { known: 2025-03-03 09:00, mql: 2025-03-05 implied, sal: 2025-03-05 14:30, closed: never }
  - name: Recycled and back
    as_of: 2025-03-31
    person:
      - { at: 2025-03-03, email: ben@kunde.example, status: New }
      - { at: 2025-03-04, mql_at: 2025-03-04 10:00 }
      - { at: 2025-03-06, status: Recycled }
      - { at: 2025-03-20, mql_at: 2025-03-20 10:00 }
    expect: { mql: [2025-03-04, 2025-03-20] }
  - name: A won deal
    as_of: 2025-03-31
    person: [{ at: 2025-03-03, email: cy@kunde.example }]
    responses: [{ at: 2025-03-04 12:00, kind: form, success: true }]
    opportunities:
      - { at: 2025-03-10, stage: Offer, amount: 10.5 }
      - { at: 2025-03-12, is_closed: true, is_won: true, close_date: 2025-03-11 }
    expect: { responded: 2025-03-04 12:00, opportunity: 2025-03-10, closed: 2025-03-11 }
";

fn with_examples() -> Project {
    let project = fresh();
    let text = project.read("config/funnel.yaml");
    project.write("config/funnel.yaml", text + EXAMPLES);
    project
}

// Examples that hold are counted, without a warehouse and without writing one.
#[test]
fn examples_hold() {
    let project = with_examples();
    let ran = project.ok(&["funnel", "test"]);
    assert_eq!(
        ran.stderr,
        "3 examples of definition `2025-q1` as expected\n"
    );
    let checked = project.ok(&["check"]).stderr;
    assert!(checked.ends_with(", 3 examples as expected\n"), "{checked}");
    assert!(project.files("warehouse").is_empty());
}

// An example that comes out otherwise says what came and what was expected, where it stands.
#[test]
fn a_failed_example_says_what_came() {
    let project = with_examples();
    project.replace(
        "config/funnel.yaml",
        "sal: 2025-03-05 14:30",
        "sal: 2025-03-05 15:00",
    );
    project.replace(
        "config/funnel.yaml",
        "mql: [2025-03-04, 2025-03-20]",
        "mql: 2025-03-04",
    );
    project.replace(
        "config/funnel.yaml",
        "opportunity: 2025-03-10",
        "opportunity: never",
    );
    let ran = project.run(&["funnel", "test"]);
    assert_eq!(ran.code, 1);
    let expected = "\
Skipped stages are passed: `sal` is entered 2025-03-05 14:30, and 2025-03-05 15:00 is expected
  --> config/funnel.yaml:26:70
   |
26 |     expect: { known: 2025-03-03 09:00, mql: 2025-03-05 implied, sal: 2025-03-05 15:00, closed: never }
   |                                                                      ^

Recycled and back: `mql` is entered 2025-03-04, then 2025-03-20, and 2025-03-04 is expected
  --> config/funnel.yaml:34:20
   |
34 |     expect: { mql: 2025-03-04 }
   |                    ^

A won deal: `opportunity` is entered 2025-03-10, and never is expected
  --> config/funnel.yaml:42:57
   |
42 |     expect: { responded: 2025-03-04 12:00, opportunity: never, closed: 2025-03-11 }
   |                                                         ^

3 examples, 3 stages not as expected
";
    assert_eq!(ran.stderr, expected);
    assert_eq!(project.run(&["check"]).code, 2);
}

// A line that does not fit the deployment's columns, and a wrong date, are refused at their place.
#[test]
fn a_wrong_example_is_refused() {
    let project = with_examples();
    project.replace(
        "config/funnel.yaml",
        "status: New }\n      - { at: 2025-03-05",
        "statsu: New }\n      - { at: 2025-03-05",
    );
    project.replace("config/funnel.yaml", "success: true", "success: maybe");
    let ran = project.run(&["funnel", "test"]);
    assert_eq!(ran.code, 2);
    let said: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| !line.contains('|'))
        .collect();
    assert_eq!(
        said,
        [
            "error: An example cannot say `statsu`",
            "  --> config/funnel.yaml:24:59",
            "  fix: did you mean `status`?",
            "",
            "`success` holds true or false, and this is none",
            "  --> config/funnel.yaml:38:53",
        ]
    );
    project.replace("config/funnel.yaml", "closed: never", "closed: nevr");
    let ran = project.run(&["funnel", "test"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.starts_with("error: `nevr` does not say when\n"),
        "{}",
        ran.stderr
    );
}

const CHANGED: &str = "\
The definition: `definition` was `2025-q1`, is `2025-q2`
Stage `mql`: `stamp` is taken out, it was `mql_at`
Stage `mql`: `when` is new: `lead_score >= 70`
Stage `sal` is taken out

Over the history up to 2025-03-08, before (2025-q1) and after (2025-q2):
stage        entries       to the next   to a won close  median days  persons in  out  other day
known          7 > 7  100.0 % > 71.4 %  14.3 % > 14.3 %   28.4 > 0.0           0    0          0
responded      3 > 3   66.7 % > 66.7 %  33.3 % > 33.3 %      0.8 > -           0    2          4
mql            6 > 4   83.3 % > 50.0 %  16.7 % > 25.0 %   1.9 > 15.9           0    2          4
opportunity    1 > 1     0.0 % > 0.0 %    0.0 % > 0.0 %        - > -           0    0          0
closed         2 > 2             - > -            - > -        - > -           0    0          0
sal            5 > -        40.0 % > -       20.0 % > -      5.0 > -           0    5          0
";

// A change of definition is told in words and in its effect on the same history; nothing is published.
#[test]
fn a_change_is_tried_on_the_past() {
    let project = three_nights();
    write_other(&project);
    let before = (commits(&project), project.files("warehouse"));
    let same = project.ok(&["funnel", "diff"]).stdout;
    assert!(same.starts_with("The definitions are the same\n"), "{same}");
    assert_eq!(
        project
            .ok(&["funnel", "diff", "2025-q1", "other.yaml"])
            .stdout,
        CHANGED
    );
    let args = [
        "funnel",
        "replay",
        "other.yaml",
        "--out",
        "out",
        "--format",
        "csv",
    ];
    assert_eq!(project.ok(&args).stdout, CHANGED);
    assert_eq!((commits(&project), project.files("warehouse")), before);

    // What the other definition enters is what it enters in a warehouse of its own.
    let entries = project.read("out/stage_entry.csv");
    let own = fresh();
    own.write("config/funnel.yaml", project.read("other.yaml"));
    for day in [FIRST, SECOND, THIRD] {
        own.ok(&["run", "--as-of", day]);
    }
    let published = own.ok(&["sql", "--format", "csv", "select * from stage_entry"]);
    assert_eq!(entries, published.stdout);

    let ran = project.run(&["funnel", "diff", "2025-q9"]);
    assert_eq!(ran.code, 2);
    let expected = "error: `2025-q9` is no file and no published definition\n  \
                    fix: name a file, or one of `2025-q1`\n";
    assert_eq!(ran.stderr, expected);
}

/// By value, the entries of all months.
fn volumes(swept: &Value) -> Vec<(Value, i64)> {
    let tried = swept["tried"].as_array().unwrap().iter();
    let of = |it: &Value| {
        let months = it["months"].as_array().unwrap();
        let all = months.iter().map(|month| month["n"].as_i64().unwrap());
        (it["value"].clone(), all.sum())
    };
    tried.map(of).collect()
}

// The number of a stage's own condition is swept: the only one, or the one that is named.
#[test]
fn a_number_of_the_definition_is_swept() {
    let project = three_nights();
    let when = "when: \"lead_score >= 70 and (lead_source is null or lead_source <> '65')\"";
    project.replace("config/funnel.yaml", "stamp: mql_at", when);
    let args = ["funnel", "whatif", "mql", "--values", "50,80"];
    let expected = [(Value::Null, 4), (json!("50"), 6), (json!("80"), 2)];
    assert_eq!(volumes(&json_of(&project, &args)), expected);
    project.replace(
        "config/funnel.yaml",
        "lead_score >= 70 and",
        "lead_score >= 70 and lead_score < 99 and",
    );
    let ran = project.run(&args);
    assert_eq!(ran.code, 2);
    let said = "error: The triggers of stage `mql` hold several numbers\n";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
    let fix = "  fix: name one that stands there once with `--number`: 70, 99; or write the condition with `--when`\n";
    assert!(ran.stderr.ends_with(fix), "{}", ran.stderr);
    let named = [&args[..], &["--number", "70"]].concat();
    assert_eq!(volumes(&json_of(&project, &named)), expected);
}

const SWEPT: &str = "\
Entries into `mql` a month, up to 2025-03-08
month    today  50  70  80
2025-01      0   2   2   1
2025-02      4   2   1   1
2025-03      2   2   1   0

Of these, over the whole history, reached
to                    today              50               70               80
sal          5 of 6, 83.3 %  5 of 6, 83.3 %  4 of 4, 100.0 %  2 of 2, 100.0 %
opportunity  2 of 6, 33.3 %  2 of 6, 33.3 %   2 of 4, 50.0 %  2 of 2, 100.0 %
closed       1 of 6, 16.7 %  1 of 6, 16.7 %   1 of 4, 25.0 %   1 of 2, 50.0 %

The commitment for `mql` in 2025-Q1
                today   50   70   80
commitment         12   12   12   12
attained            6    6    4    2
a week, lately    0.3  0.4  0.3  0.2
a week, needed    1.9  1.9  2.5  3.1
enough             no   no   no   no
";

// A threshold is swept: each value gives what its own definition gives.
#[test]
fn a_threshold_is_swept() {
    let project = three_nights();
    let args = [
        "funnel",
        "whatif",
        "mql",
        "--when",
        "lead_score >= {}",
        "--values",
        "50,70,80",
    ];
    let swept = json_of(&project, &args);
    let tried = swept["tried"].as_array().unwrap();
    // Leads with a score of at least so much, but for the internal one: 60, 68, 71, 75, 82, 90.
    let expected = [
        (Value::Null, 6),
        (json!("50"), 6),
        (json!("70"), 4),
        (json!("80"), 2),
    ];
    assert_eq!(volumes(&swept), expected);
    let reach = &tried[3]["reach"];
    assert_eq!(
        reach[2],
        json!({"to_stage": "closed", "n": 2, "reached": 1})
    );
    let promise = &tried[0]["promises"][0];
    assert_eq!(
        (promise["commitment"].as_i64(), promise["attained"].as_i64()),
        (Some(12), Some(6))
    );

    assert_eq!(project.ok(&args).stdout, SWEPT);
    let refused = [
        (
            &["mql", "--values", "1"][..],
            "error: No trigger of stage `mql` holds a number\n",
        ),
        (
            &["mqk", "--values", "1"],
            "error: There is no stage `mqk`\n",
        ),
        (
            &["mql", "--values", "1", "--when", "true"],
            "error: `true` has no place for the value\n",
        ),
    ];
    for (args, said) in refused {
        let ran = project.run(&[&["funnel", "whatif"], args].concat());
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
    }
}

// Who signs is recorded with the hash; until then, and after a change, everything says that it is unsigned.
#[test]
fn a_definition_is_signed() {
    let project = fresh();
    let text = project.read("config/funnel.yaml");
    project.write(
        "config/funnel.yaml",
        format!("{text}sign_off: [CMO, CRO]\n"),
    );
    let unsigned = "note: Definition `2025-q1` is unsigned: not signed by CMO and CRO";
    let checked = project.ok(&["check"]).stderr;
    assert!(checked.ends_with(&format!("{unsigned}\n")), "{checked}");
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 0);
    assert!(told(&ran).ends_with(unsigned), "{}", told(&ran));
    let mail = |day: &str| project.ok(&["report", "daily", "--as-of", day]).stdout;
    mail(FIRST);
    let shown = |day: &str| {
        let text = project.read(&format!("daily-{day}.txt"));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(
        shown(FIRST).contains("Definition 2025-q1, not signed by CMO and CRO."),
        "{}",
        shown(FIRST)
    );

    let signed = project.ok(&["funnel", "sign", "--role", "CMO", "--name", "Ann \"A\" Lee"]);
    assert!(
        signed
            .stderr
            .starts_with("CMO signed definition `2025-q1` on "),
        "{}",
        signed.stderr
    );
    project.ok(&["funnel", "sign", "--role", "CRO", "--name", "Bob"]);
    let again = project.run(&["funnel", "sign", "--role", "CRO", "--name", "Bob"]);
    assert_eq!(again.code, 2);
    assert!(
        again
            .stderr
            .starts_with("error: CRO signed this definition on "),
        "{}",
        again.stderr
    );
    let other = project.run(&["funnel", "sign", "--role", "CFO", "--name", "Cy"]);
    let expected = "error: `config/funnel.yaml` asks for no signature of `CFO`\n  fix: name one of `CMO`, `CRO`\n";
    assert_eq!((other.code, other.stderr.as_str()), (2, expected));
    let file = project.read("config/signatures.yaml");
    assert!(
        file.contains(r#"{ role: "CMO", name: "Ann \"A\" Lee", date: "#),
        "{file}"
    );
    assert!(!project.ok(&["check"]).stderr.contains("note:"));
    mail(FIRST);
    assert!(
        shown(FIRST).contains("Definition 2025-q1, signed by CMO and CRO."),
        "{}",
        shown(FIRST)
    );
    assert!(!night(&project, SECOND).stderr.contains("note:"));

    // What was changed since is known from what was published.
    project.replace(
        "config/funnel.yaml",
        "status = 'Working'",
        "status = 'Open'",
    );
    let checked = project.ok(&["check"]).stderr;
    assert!(
        checked.contains("is unsigned: changed since CMO signed it on "),
        "{checked}"
    );
    let ends = "\n  Stage `sal`: `when` was `status = 'Working'`, is `status = 'Open'`\n";
    assert!(checked.ends_with(ends), "{checked}");
    project.replace("config/signatures.yaml", "hash: \"", "hash: \"x");
    let ran = project.run(&["check"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.starts_with("error: This is no SHA-256"),
        "{}",
        ran.stderr
    );
}
