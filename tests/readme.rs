//! What the README says of the configuration is what the code reads.

use std::path::Path;

use bedrock_vpc_batch::config::VARIABLES;

#[test]
fn configuration_table_is_that_of_the_code() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let header = "| variable | default | meaning |\n|---|---|---|\n";
    let table = readme.split_once(header).unwrap().1.split_once("\n\n").unwrap().0;
    let expected: Vec<String> = VARIABLES
        .iter()
        .map(|(name, default, meaning)| {
            let default = match default {
                None => "required".to_owned(),
                Some("") => "none".to_owned(),
                Some(default) => format!("`{default}`"),
            };
            format!("| `{name}` | {default} | {meaning} |")
        })
        .collect();
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
}
