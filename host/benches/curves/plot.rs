//! A plot of rates, as SVG.

use std::path::Path;

use plotters::prelude::*;

/// The points of one service: what changed, and the rate.
pub struct Curve {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// Curves over one axis, which is logarithmic.
pub struct Plot<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    pub curves: Vec<Curve>,
}

const SIZE: (u32, u32) = (720, 400);

const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

impl Plot<'_> {
    /// Draws it into a file.
    pub fn draw(&self, path: &Path) {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE).expect("a file that can be written");
        let points = || self.curves.iter().flat_map(|curve| curve.points.iter());
        let least = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let most = points().map(|point| point.0).fold(0.0, f64::max);
        let highest = points().map(|point| point.1).fold(0.0, f64::max);
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d((least..most * 1.05).log_scale(), 0.0..highest * 1.1)
            .expect("axes");
        chart
            .configure_mesh()
            .x_desc(self.unit)
            .y_desc("requests/s")
            .label_style(("sans-serif", 14))
            .x_label_formatter(&|at| format!("{at}"))
            .y_label_formatter(&|rate| format!("{rate:.0}"))
            .light_line_style(TRANSPARENT)
            .draw()
            .expect("a mesh");
        for (curve, colour) in self.curves.iter().zip(COLOURS) {
            let line = LineSeries::new(curve.points.iter().copied(), colour.stroke_width(2)).point_size(3);
            chart
                .draw_series(line)
                .expect("a line")
                .label(curve.name)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .label_font(("sans-serif", 14))
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .position(SeriesLabelPosition::UpperLeft)
            .draw()
            .expect("a legend");
        area.present().expect("a file that can be written");
    }
}
