//! Makes a small grey picture of a screenshot, as lists of servers show it: pure.

use std::io::Cursor;

use crate::libvirt::screenshot::Screenshot;

/// Of the small picture.
const WIDTH: usize = 150;
const HEIGHT_LIMIT: usize = 300;
/// Of the large one, on either side, and what reading it may take.
const SIDE_LIMIT: usize = 8192;
const READ_LIMIT_BYTES: usize = 64 << 20;

/// Brightness of each pixel, line by line.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// A PNG of at most 150 by 300 pixels, 8 bits of grey each; none for a picture that can't be read.
pub fn thumbnail(shot: &Screenshot) -> Option<Vec<u8>> {
    let large = match shot.media_type.as_str() {
        "image/png" => read_png(&shot.bytes),
        "image/x-portable-pixmap" => read_pixmap(&shot.bytes),
        _ => None,
    }?;
    write_png(&shrink(&large)?)
}

fn read_png(bytes: &[u8]) -> Option<Grey> {
    let limits = png::Limits { bytes: READ_LIMIT_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let size = reader.output_buffer_size().filter(|size| *size <= READ_LIMIT_BYTES)?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).ok()?;
    samples.truncate(frame.buffer_size());
    let (width, height) = (usize::try_from(frame.width).ok()?, usize::try_from(frame.height).ok()?);
    grey(width, height, &samples, frame.color_type.samples())
}

/// `P6`, width, height and the largest value as text, then three bytes for each pixel (ppm(5)). QEMU writes no comments.
fn read_pixmap(bytes: &[u8]) -> Option<Grey> {
    let mut fields = bytes.splitn(4, u8::is_ascii_whitespace);
    let mut word = || std::str::from_utf8(fields.next()?).ok();
    if word()? != "P6" {
        return None;
    }
    let (width, height) = (word()?.parse().ok()?, word()?.parse().ok()?);
    // The largest value is followed by the pixels, which may hold white space.
    let rest = fields.next()?;
    let pixels = rest.strip_prefix(b"255").and_then(|rest| rest.split_first()).map(|(_, pixels)| pixels);
    grey(width, height, pixels?, 3)
}

fn grey(width: usize, height: usize, samples: &[u8], per_pixel: usize) -> Option<Grey> {
    let sizes_fit = (1..=SIDE_LIMIT).contains(&width) && (1..=SIDE_LIMIT).contains(&height);
    if !sizes_fit || samples.len() != width * height * per_pixel {
        return None;
    }
    let pixels = samples.chunks_exact(per_pixel).map(|pixel| match *pixel {
        // Weights of ITU-R BT.601.
        [r, g, b, ..] => {
            let sum = u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114;
            u8::try_from(sum / 1000).unwrap_or(u8::MAX)
        }
        _ => pixel[0],
    });
    Some(Grey { width, height, pixels: pixels.collect() })
}

/// Each pixel is the mean of those that it stands for.
fn shrink(large: &Grey) -> Option<Grey> {
    let width = large.width.min(WIDTH);
    let height = (large.height * width / large.width).clamp(1, HEIGHT_LIMIT);
    let part = |place: usize, count: usize, of: usize| {
        let from = place * of / count;
        from..((place + 1) * of / count).max(from + 1).min(of)
    };
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (mut sum, mut count) = (0_u64, 0_u64);
            for line in part(y, height, large.height) {
                for column in part(x, width, large.width) {
                    sum += u64::from(large.pixels[line * large.width + column]);
                    count += 1;
                }
            }
            pixels.push(u8::try_from(sum / count.max(1)).ok()?);
        }
    }
    Some(Grey { width, height, pixels })
}

fn write_png(small: &Grey) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (width, height) = (u32::try_from(small.width).ok()?, u32::try_from(small.height).ok()?);
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&small.pixels).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half black, right half white.
    fn halves(width: usize, height: usize) -> Vec<u8> {
        let line = (0..width).flat_map(|x| [if x * 2 < width { 0 } else { 255 }; 3]);
        line.collect::<Vec<u8>>().repeat(height)
    }

    fn pixmap(width: usize, height: usize) -> Screenshot {
        let mut bytes = format!("P6\n{width} {height}\n255\n").into_bytes();
        bytes.extend(halves(width, height));
        Screenshot { media_type: "image/x-portable-pixmap".into(), bytes }
    }

    fn png(width: usize, height: usize) -> Screenshot {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, u32::try_from(width).unwrap(), u32::try_from(height).unwrap());
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&halves(width, height)).unwrap();
        writer.finish().unwrap();
        Screenshot { media_type: "image/png".into(), bytes }
    }

    #[test]
    fn both_formats_become_the_same_small_picture() {
        let small = thumbnail(&png(720, 400)).unwrap();
        assert_eq!(thumbnail(&pixmap(720, 400)).unwrap(), small);
        let read = read_png(&small).unwrap();
        assert_eq!((read.width, read.height), (150, 83), "as the field's own clients show it");
        assert_eq!((read.pixels[0], read.pixels[74], read.pixels[75], read.pixels[149]), (0, 0, 255, 255));
    }

    #[test]
    fn odd_shapes_stay_within_bounds() {
        for (width, height) in [(1, 1), (1, 8192), (8192, 1), (149, 151), (151, 149)] {
            let read = read_png(&thumbnail(&pixmap(width, height)).unwrap()).unwrap();
            assert!(read.width <= WIDTH && read.height <= HEIGHT_LIMIT, "{width} by {height}");
        }
    }

    #[test]
    fn what_is_no_picture_gives_none() {
        let pixmap = |text: &[u8]| Screenshot { media_type: "image/x-portable-pixmap".into(), bytes: text.into() };
        let hostile: [&[u8]; 8] = [
            b"",
            b"P6",
            b"P6\n2 2\n255\n",
            b"P6\n0 0\n255\n",
            b"P6\n-1 2\n255\nabc",
            b"P6\n1 1\n65535\nabc",
            b"P5\n1 1\n255\na",
            b"P6\n99999999 99999999\n255\nabc",
        ];
        for text in hostile {
            assert_eq!(thumbnail(&pixmap(text)), None, "{}", String::from_utf8_lossy(text));
        }
        let mut cut = png(720, 400);
        cut.bytes.truncate(100);
        assert_eq!(thumbnail(&cut), None);
        assert_eq!(thumbnail(&Screenshot { media_type: "text/html".into(), ..png(2, 2) }), None);
    }
}
