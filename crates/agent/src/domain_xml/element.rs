//! A tree of XML elements, written out by quick-xml, which does the escaping.
//!
//! Building a tree of values first keeps the maker of the domain free of error handling that can't happen and makes
//! it impossible to put text into the document unescaped.

use std::borrow::Cow;

use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::writer::Writer;

/// An element with its attributes and children. An element with a text has no children.
#[derive(Debug, Clone)]
pub struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Element>,
    text: Option<String>,
}

/// An element of this name.
pub fn el(name: &'static str) -> Element {
    Element { name, attributes: Vec::new(), children: Vec::new(), text: None }
}

impl Element {
    pub fn attr(mut self, name: &'static str, value: impl ToString) -> Element {
        self.attributes.push((name, value.to_string()));
        self
    }

    pub fn text(mut self, text: impl ToString) -> Element {
        self.text = Some(text.to_string());
        self
    }

    pub fn child(mut self, child: Element) -> Element {
        self.children.push(child);
        self
    }

    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Element {
        self.children.extend(children);
        self
    }

    /// The document, indented by two spaces, without an XML declaration, as libvirt prints it.
    pub fn to_document(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        // Writing to memory does not fail; an empty document would be refused by libvirt.
        let written = self.write(&mut writer);
        debug_assert!(written.is_ok(), "{written:?}");
        String::from_utf8(writer.into_inner()).unwrap_or_default()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let mut start = BytesStart::new(self.name);
        for (name, value) in &self.attributes {
            start.push_attribute((*name, without_controls(value).as_ref()));
        }
        match &self.text {
            None if self.children.is_empty() => writer.write_event(Event::Empty(start)),
            text => {
                writer.write_event(Event::Start(start))?;
                if let Some(text) = text {
                    writer.write_event(Event::Text(BytesText::new(&without_controls(text))))?;
                }
                for child in &self.children {
                    child.write(writer)?;
                }
                writer.write_event(Event::End(BytesEnd::new(self.name)))
            }
        }
    }
}

/// XML 1.0 has no way to write most control characters, not even escaped; they become U+FFFD. Tabs and line ends are
/// lawful but are normalised by parsers inside of attributes, and nothing in a domain needs them.
fn without_controls(text: &str) -> Cow<'_, str> {
    let unfit = |c: char| c.is_control() || c == '\u{FFFE}' || c == '\u{FFFF}';
    if text.contains(unfit) { Cow::Owned(text.replace(unfit, "\u{FFFD}")) } else { Cow::Borrowed(text) }
}
