//! A customer's month as a PDF (ISO 32000), for people: the figures of the CSV, whom they are from, and the total with
//! its tax. Text in one of the fonts that every reader has, so that no font is carried along: letters outside of Windows'
//! Latin alphabet are question marks.

use berth_api::{
    time,
    tokens::{self, DECIMALS},
};
use berth_store::self_service::ledger::{CREDIT, SERVER};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::{
    hours,
    statement::{PROVISIONAL, Statement},
};
use crate::clock::DAY;

/// What stands around the figures.
#[derive(Clone, Debug, Default)]
pub struct Letterhead {
    pub seller: String,
    /// The customer's name and address.
    pub customer: Vec<String>,
    /// The month's usage in the customer's currency, as in `12.50 EUR`.
    pub value: Option<String>,
    /// As in `of which 20% tax`, and what it is in micro-tokens.
    pub tax: Option<(String, i64)>,
}

/// A4 in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 50.0;
const LEADING: f32 = 16.0;
const LINES: usize = 44;
const MOST_NAME_CHARS: usize = 36;

const CATALOG: Ref = Ref::new(1);
const TREE: Ref = Ref::new(2);
const INFO: Ref = Ref::new(3);
const FONTS: [(Name<'static>, Ref, Name<'static>); 2] =
    [(Name(b"F1"), Ref::new(4), Name(b"Helvetica")), (Name(b"F2"), Ref::new(5), Name(b"Helvetica-Bold"))];
/// Of the first page; its content follows it.
const FIRST_PAGE: i32 = 6;

/// A piece of a line: where it begins, or with `is_right` where it ends.
struct Cell {
    x: f32,
    text: String,
    is_right: bool,
}

struct Line {
    cells: Vec<Cell>,
    is_bold: bool,
    size: f32,
}

impl Line {
    fn of(texts: &[(f32, &str)]) -> Self {
        let cell = |(x, text): &(f32, &str)| Cell { x: *x, text: (*text).to_owned(), is_right: false };
        Self { cells: texts.iter().map(cell).collect(), is_bold: false, size: 9.0 }
    }

    fn bold(mut self, size: f32) -> Self {
        (self.is_bold, self.size) = (true, size);
        self
    }

    /// Figures, which end where their column does.
    fn right(mut self, texts: &[(f32, &str)]) -> Self {
        let cell = |(x, text): &(f32, &str)| Cell { x: *x, text: (*text).to_owned(), is_right: true };
        self.cells.extend(texts.iter().map(cell));
        self
    }
}

/// Columns: what, item, and where hours, charged hours and tokens end.
const WHAT: f32 = MARGIN;
const ITEM: f32 = 260.0;
const HOURS: f32 = 385.0;
const CHARGED: f32 = 455.0;
const TOKENS: f32 = PAGE.0 - MARGIN;

pub fn pdf(statement: &Statement, head: &Letterhead) -> Vec<u8> {
    let lines = lines(statement, head);
    let pages: Vec<&[Line]> = lines.chunks(LINES).collect();
    let ids = |n: usize| {
        let page = FIRST_PAGE + 2 * i32::try_from(n).unwrap_or(i32::MAX / 4);
        (Ref::new(page), Ref::new(page + 1))
    };
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(TREE);
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    pdf.pages(TREE).kids((0..pages.len()).map(|n| ids(n).0)).count(count);
    for (n, lines) in pages.iter().enumerate() {
        let (page_id, content_id) = ids(n);
        let mut page = pdf.page(page_id);
        page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(TREE).contents(content_id);
        page.resources().fonts().pairs(FONTS.map(|(name, id, _)| (name, id)));
        page.finish();
        pdf.stream(content_id, &drawn(lines));
    }
    for (_, id, font) in FONTS {
        pdf.type1_font(id).base_font(font).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let status = if statement.is_provisional { format!(" ({PROVISIONAL})") } else { String::new() };
    let title = format!("Statement {}{status}", statement.month.short());
    pdf.document_info(INFO).title(TextStr(&title)).producer(TextStr("Berth"));
    pdf.finish()
}

fn lines(statement: &Statement, head: &Letterhead) -> Vec<Line> {
    let Statement { month, opening_micro, credits, usage, closing_micro, is_provisional } = statement;
    let amount = |micro: i64| tokens::text(micro, DECIMALS);
    let day = |at| hours::date(at).to_string();
    let empty = || Line::of(&[]);
    let mut lines = vec![Line::of(&[(WHAT, &head.seller)]).bold(14.0), empty()];
    lines.extend(head.customer.iter().map(|text| Line::of(&[(WHAT, text)])));
    lines.push(empty());
    let status = if *is_provisional { format!(", {PROVISIONAL}") } else { String::new() };
    lines.push(Line::of(&[(WHAT, &format!("Statement of {}{status}", month.name()))]).bold(12.0));
    lines.push(empty());
    let columns = [(HOURS, "Hours"), (CHARGED, "Charged"), (TOKENS, "Tokens")];
    lines.push(Line::of(&[(WHAT, "What"), (ITEM, "Item")]).right(&columns).bold(9.0));
    let total = |what: &str, micro: i64| Line::of(&[(WHAT, what)]).right(&[(TOKENS, &amount(micro))]);
    lines.push(total(&format!("Credit before, {}", day(month.start())), *opening_micro));
    for entry in credits {
        let what = if entry.kind == CREDIT { "Credit" } else { "Cancelled credit" };
        lines.push(total(&format!("{what}, {}", time::offset(entry.at)), entry.amount_micro));
    }
    for sum in usage {
        let item = if sum.item == SERVER { "server".to_owned() } else { format!("{} x {}", sum.quantity, sum.item) };
        let (hours, charged, tokens) =
            (sum.hours.to_string(), sum.billable_hours.to_string(), amount(-sum.billable_micro));
        let figures = [(HOURS, &*hours), (CHARGED, &*charged), (TOKENS, &*tokens)];
        lines.push(Line::of(&[(WHAT, &short(&sum.name)), (ITEM, &item)]).right(&figures));
    }
    lines.push(empty());
    let used: i64 = usage.iter().map(|sum| sum.billable_micro).sum();
    lines.push(total("Used in this month", used).bold(9.0));
    if let Some(value) = &head.value {
        lines.push(Line::of(&[(WHAT, "that is")]).right(&[(TOKENS, value)]));
    }
    if let Some((what, micro)) = &head.tax {
        lines.push(total(what, *micro));
    }
    lines.push(total(&format!("Credit after, {}", day(month.end() - DAY)), *closing_micro).bold(9.0));
    lines
}

/// As much as its column holds.
fn short(name: &str) -> String {
    if name.chars().count() <= MOST_NAME_CHARS {
        return name.to_owned();
    }
    let kept: String = name.chars().take(MOST_NAME_CHARS - 3).collect();
    format!("{kept}...")
}

fn drawn(lines: &[Line]) -> Vec<u8> {
    let mut content = Content::new();
    let mut y = PAGE.1 - MARGIN;
    for line in lines {
        y -= LEADING;
        let (font, ..) = FONTS[usize::from(line.is_bold)];
        for cell in &line.cells {
            let bytes = latin(&cell.text);
            let x = if cell.is_right { cell.x - width(&bytes) * line.size } else { cell.x };
            content.begin_text().set_font(font, line.size).next_line(x, y).show(Str(&bytes)).end_text();
        }
    }
    content.finish().to_vec()
}

/// In Windows' Latin alphabet.
fn latin(text: &str) -> Vec<u8> {
    let byte = |letter: char| match letter {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
        '€' => 0x80,
        '…' => 0x85,
        '–' => 0x96,
        '—' => 0x97,
        '’' => 0x92,
        _ => b'?',
    };
    text.chars().map(byte).collect()
}

/// Of figures in Helvetica, in parts of its size; of other texts about.
fn width(bytes: &[u8]) -> f32 {
    let of = |byte: &u8| match byte {
        b'.' | b',' | b' ' => 0.278,
        b'-' => 0.333,
        _ => 0.556,
    };
    bytes.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use berth_store::self_service::ledger::Sum;

    use super::*;
    use crate::self_service::{hours::Month, statement};

    /// What each `Tj` of a PDF shows, in order. Strings are in parentheses, or in hexadecimal digits.
    fn texts(pdf: &[u8]) -> Vec<String> {
        let text: String = pdf.iter().map(|byte| char::from(*byte)).collect();
        let shown = text.lines().filter_map(|line| line.strip_suffix(" Tj"));
        let read = |string: &str| match string.strip_prefix('(') {
            Some(rest) => rest.strip_suffix(')').unwrap().replace("\\(", "(").replace("\\)", ")"),
            None => {
                let digits = hex::decode(string.trim_matches(['<', '>'])).unwrap();
                digits.into_iter().map(char::from).collect()
            }
        };
        shown.map(read).collect()
    }

    fn sum(name: &str, item: &str, micro: i64) -> Sum {
        Sum {
            server_id: 7,
            server_uuid: uuid::Uuid::nil(),
            name: name.to_owned(),
            self_service: 1,
            item: item.to_owned(),
            package_id: 1,
            quantity: 2,
            price_micro: 730,
            hours: 744,
            rated_micro: micro,
            billable_hours: 730,
            billable_micro: micro,
        }
    }

    #[test]
    fn figures_are_those_of_the_csv_on_however_many_pages() {
        for servers in [0, 1, 200] {
            let usage = (0..servers).map(|n| sum("web (1)", if n % 2 == 0 { SERVER } else { "ipv4" }, 1_000_000 + n));
            let usage: Vec<Sum> = usage.collect();
            let used: i64 = usage.iter().map(|sum| sum.billable_micro).sum();
            let month = Month::parse("2024-02").unwrap();
            let (credits, closing_micro) = (Vec::new(), 5 - used);
            let is_provisional = servers == 1;
            let statement = Statement { month, opening_micro: 5, credits, usage, closing_micro, is_provisional };
            let tax = Some(("of which 20% tax".to_owned(), 77));
            let head = Letterhead { seller: "Harbour Ltd".to_owned(), tax, ..Letterhead::default() };
            let shown = texts(&pdf(&statement, &head));
            let is_figure = |text: &&String| text.contains('.') && tokens::parse(text, DECIMALS).is_some();
            let told: Vec<String> = shown.iter().filter(is_figure).cloned().collect();
            let csv = statement::csv(&statement);
            let mut wanted: Vec<String> =
                csv.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().to_owned()).collect();
            let last = wanted.pop().unwrap();
            wanted.extend([tokens::text(used, DECIMALS), "0.000077".to_owned(), last]);
            assert_eq!(told, wanted);
            assert_eq!(shown[0], "Harbour Ltd");
            let heading = format!("Statement of February 2024{}", if is_provisional { ", provisional" } else { "" });
            assert!(shown.contains(&heading), "{heading}");
            assert_eq!(shown.iter().filter(|text| *text == "web (1)").count(), usize::try_from(servers).unwrap());
            assert_eq!(shown.iter().filter(|text| *text == "744").count(), usize::try_from(servers).unwrap());
        }
    }

    #[test]
    fn letters_that_the_font_lacks_are_question_marks() {
        assert_eq!(latin("Zoë: 5 €, Жук\n"), b"Zo\xeb: 5 \x80, ????");
    }
}
