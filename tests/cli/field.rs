//! Files that people really have: each gets the verdict that it should get, on one screen.

use std::process::Command;

use crate::support::processes::COMMAND_LINE;

#[test]
fn files_that_people_have_get_their_verdict_on_one_screen() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/field.py");
    let output = Command::new("python3").args(["-B", script, COMMAND_LINE]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("field: {said}");
}
