//! Figures as lines that people read and a document quotes.

/// The middle one; of an even number the lower of the two. Panics without figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}

/// One figure with its spread, its goal, and whether it is met.
pub fn line(what: &str, figures: &[f64], unit: &str, goal: Option<f64>) {
    let low = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let high = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let middle = median(figures);
    let verdict = match goal {
        Some(goal) if middle <= goal => format!("  goal {goal} {unit}: met"),
        Some(goal) => format!("  goal {goal} {unit}: MISSED"),
        None => String::new(),
    };
    println!("{what:<58} median {middle:>8.1} {unit} ({low:.1} to {high:.1}, n={}){verdict}", figures.len());
}
