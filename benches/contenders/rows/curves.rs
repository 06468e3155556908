//! Curves, as figures and as a picture.

use std::{fmt::Write as _, fs, path::Path};

use crate::{Outcome, report::median};

/// Costs by how much there is of something.
#[derive(Debug)]
pub(crate) struct Curve {
    title: &'static str,
    /// What is counted on the horizontal axis.
    of: &'static str,
    points: Vec<(usize, Vec<f64>)>,
}

impl Curve {
    pub(crate) fn new(title: &'static str, of: &'static str) -> Self {
        let points = Vec::new();
        Self { title, of, points }
    }

    /// Notes a cost of one round.
    pub(crate) fn add(&mut self, count: usize, cost: f64) {
        match self.points.iter_mut().find(|(known, _)| *known == count) {
            Some((_, costs)) => costs.push(cost),
            None => self.points.push((count, vec![cost])),
        }
    }

    fn medians(&self) -> impl Iterator<Item = (usize, f64)> {
        let points = self.points.iter();
        points.filter_map(|(count, costs)| Some((*count, median(costs)?)))
    }
}

// A panel of the picture, in pixels.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 50.0;
const BOTTOM: f64 = 50.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 20.0;

/// Lines across a panel.
const STEPS: usize = 5;

const STYLE: &str = "text{font:12px sans-serif;fill:#333}.title{font-weight:bold}\
    line{stroke:#ddd}polyline{fill:none;stroke:#2563eb;stroke-width:2}circle{fill:#2563eb}";

/// Writes a picture, and the figures beside it.
pub(crate) fn write(svg: &Path, curves: &[Curve]) -> Outcome<()> {
    let mut csv = String::from("curve,count,user_cpu_micros_per_callback\n");
    for curve in curves {
        for (count, cost) in curve.medians() {
            writeln!(csv, "{},{count},{cost:.3}", curve.title)?;
        }
    }
    fs::write(svg.with_extension("csv"), csv)?;
    let width = WIDTH * curves.len() as f64;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    // All curves have one scale, so that they can be compared.
    let costs = curves.iter().flat_map(Curve::medians).map(|(_, cost)| cost);
    let top = (costs.fold(1.0, f64::max) * 1.2).ceil();
    for (panel, curve) in curves.iter().enumerate() {
        let x = WIDTH * panel as f64;
        writeln!(picture, "<g transform=\"translate({x} 0)\">")?;
        draw(&mut picture, curve, top)?;
        writeln!(picture, "</g>")?;
    }
    picture.push_str("</svg>\n");
    Ok(fs::write(svg, picture)?)
}

fn draw(picture: &mut String, curve: &Curve, top: f64) -> Outcome<()> {
    let bottom = HEIGHT - BOTTOM;
    writeln!(
        picture,
        "<text class=\"title\" x=\"{LEFT}\" y=\"16\">{}</text>",
        curve.title
    )?;
    writeln!(
        picture,
        "<text x=\"{LEFT}\" y=\"32\">µs of user CPU for each callback</text>"
    )?;
    for step in 0..=STEPS {
        let cost = top * step as f64 / STEPS as f64;
        let y = bottom - (bottom - TOP) * cost / top;
        writeln!(
            picture,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"8\" y=\"{:.1}\">{cost:.1}</text>",
            WIDTH - RIGHT,
            y + 4.0
        )?;
    }
    let points: Vec<_> = curve.medians().collect();
    let decades = points.iter().map(|(count, _)| (*count as f64).log10());
    let (least, most) = decades.fold((f64::INFINITY, 0.0_f64), |(least, most), decade| {
        (least.min(decade), most.max(decade))
    });
    let scale = (WIDTH - LEFT - RIGHT - 40.0) / (most - least).max(1.0);
    let mut line = String::new();
    for (count, cost) in points {
        let x = LEFT + 20.0 + ((count as f64).log10() - least) * scale;
        let y = bottom - (bottom - TOP) * cost / top;
        write!(line, "{x:.1},{y:.1} ")?;
        writeln!(picture, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>")?;
        let below = bottom + 18.0;
        writeln!(
            picture,
            "<text x=\"{x:.1}\" y=\"{below}\" text-anchor=\"middle\">{count}</text>"
        )?;
    }
    writeln!(picture, "<polyline points=\"{}\"/>", line.trim_end())?;
    let (middle, below) = (WIDTH / 2.0, HEIGHT - 10.0);
    writeln!(
        picture,
        "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
        curve.of
    )?;
    Ok(())
}
