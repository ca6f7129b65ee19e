//! What must be true of every page that people open.

use regex::Regex;

use super::assert_is_plain;

/// Elements that have no end tag. <https://html.spec.whatwg.org/#void-elements>
const VOID: [&str; 2] = ["meta", "!DOCTYPE"];

/// The elements and attributes that the pages have. None of them loads or runs anything.
const ELEMENTS: [&str; 33] = [
    "!DOCTYPE",
    "body",
    "caption",
    "code",
    "div",
    "h1",
    "h2",
    "h3",
    "head",
    "html",
    "li",
    "main",
    "meta",
    "p",
    "pre",
    "rect",
    "section",
    "span",
    "strong",
    "style",
    "svg",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "figure",
    "figcaption",
    "desc",
    "g",
];
const ATTRIBUTES: [&str; 19] = [
    "charset",
    "lang",
    "content",
    "http-equiv",
    "name",
    "class",
    "role",
    "aria-label",
    "aria-hidden",
    "tabindex",
    "scope",
    "viewBox",
    "preserveAspectRatio",
    "width",
    "height",
    "x",
    "y",
    "html",
    "id",
];

/// Fails unless a page is well-formed, has only elements and attributes that can do nothing, and shows every character.
pub(crate) fn assert_is_safe(page: &str) {
    assert_is_plain(page);
    let tag = Regex::new(r#"<(/?)([!a-zA-Z0-9]+)((?:"[^"]*"|[^">])*)>"#).unwrap();
    let attribute = Regex::new(r#"([a-zA-Z-]+)(?:="[^"]*")?"#).unwrap();
    let mut open = Vec::new();
    for found in tag.captures_iter(page) {
        let name = found[2].to_owned();
        assert!(ELEMENTS.contains(&name.as_str()), "<{name}>");
        for attribute in attribute.captures_iter(&found[3]) {
            assert!(ATTRIBUTES.contains(&&attribute[1]), "<{name} {}>", &attribute[1]);
        }
        match &found[1] {
            "/" => assert_eq!(open.pop(), Some(name)),
            _ if VOID.contains(&name.as_str()) => {}
            _ => open.push(name),
        }
    }
    assert_eq!(open, Vec::<String>::new());
    // Whatever else looks like a tag is text.
    let outside = tag.replace_all(page, "");
    assert!(!outside.contains('<'), "an unescaped < is left");
    assert_eq!(page.matches("</style>").count(), 1, "the style ends only once");
    assert!(page.contains("default-src 'none'") && !page.contains("url("), "something could be loaded");
}
