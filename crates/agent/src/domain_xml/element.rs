//! A tree of XML elements, written out by quick-xml, which does the escaping.
//!
//! Building a tree of values first keeps the maker of the domain free of error handling that can't happen and makes
//! it impossible to put text into the document unescaped.

use std::borrow::Cow;

use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::writer::Writer;

/// An element with its attributes and children. An element with a text has no children of the generated tree's.
#[derive(Debug, Clone)]
pub struct Element {
    name: Cow<'static, str>,
    attributes: Vec<(Cow<'static, str>, String)>,
    children: Vec<Element>,
    text: Option<String>,
}

/// An element of this name.
pub fn el(name: &'static str) -> Element {
    Element { name: name.into(), attributes: Vec::new(), children: Vec::new(), text: None }
}

/// Names that were read, and what is done with such elements.
impl Element {
    pub fn named(name: String) -> Element {
        Element { name: name.into(), attributes: Vec::new(), children: Vec::new(), text: None }
    }

    pub fn whole(name: String, attributes: Vec<(String, String)>, children: Vec<Element>) -> Element {
        let attributes = attributes.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Element { name: name.into(), attributes, children, text: None }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    pub fn child_elements(&self) -> &[Element] {
        &self.children
    }

    pub fn text_value(&self) -> Option<&str> {
        self.text.as_deref()
    }

    pub fn push(&mut self, child: Element) {
        self.children.push(child);
    }

    pub fn add_text(&mut self, text: &str) {
        self.text.get_or_insert_default().push_str(text);
    }

    pub fn set_text(&mut self, text: &str) {
        self.text = Some(text.to_owned());
    }

    pub fn set_attribute(&mut self, name: String, value: String) {
        match self.attributes.iter_mut().find(|(found, _)| *found == name) {
            Some((_, found)) => *found = value,
            None => self.attributes.push((name.into(), value)),
        }
    }

    /// Attributes and children.
    pub fn into_parts(self) -> (Vec<(String, String)>, Vec<Element>) {
        let attributes = self.attributes.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        (attributes, self.children)
    }

    /// The first child of this name, made last where there is none.
    pub fn child_mut(&mut self, name: &'static str) -> &mut Element {
        let at = self.children.iter().position(|child| child.name == name).unwrap_or_else(|| {
            self.children.push(el(name));
            self.children.len() - 1
        });
        &mut self.children[at]
    }

    /// Adds `own` children: in the place of those that `replaces` says they replace, the others last. libvirt's schema
    /// wants some kinds beside each other.
    pub fn take_in(&mut self, own: Vec<Element>, replaces: impl Fn(&Element, &Element) -> bool) {
        let mut waiting = own.clone();
        let mut merged = Vec::new();
        for there in std::mem::take(&mut self.children) {
            if own.iter().any(|own| replaces(&there, own)) {
                merged.extend(waiting.extract_if(.., |own| replaces(&there, own)));
            } else {
                merged.push(there);
            }
        }
        merged.append(&mut waiting);
        self.children = merged;
    }
}

impl Element {
    pub fn attr(mut self, name: &'static str, value: impl ToString) -> Element {
        self.attributes.push((name.into(), value.to_string()));
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
        let mut start = BytesStart::new(self.name.as_ref());
        for (name, value) in &self.attributes {
            start.push_attribute((name.as_ref(), without_controls(value).as_ref()));
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
                writer.write_event(Event::End(BytesEnd::new(self.name.as_ref())))
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
