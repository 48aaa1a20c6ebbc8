//! Figures as a page shows them.

use std::fmt;

use claviger_bench::Figure;

use crate::contestant::Lap;

/// A lap of a rival, and the rate of the compared one beside it.
#[derive(Clone, Copy)]
pub struct Paired {
    pub beside: f64,
    pub lap: Lap,
}

/// One comparison.
pub struct Table {
    pub title: String,
    /// Who is compared.
    pub compared: String,
    pub lines: Vec<Line>,
}

/// One server of it.
pub struct Line {
    name: String,
    /// Of the compared one to this one; the compared one itself has none.
    ratio: Option<Figure>,
    aim: Option<f64>,
    rate: Figure,
    p50: Figure,
    p99: Figure,
}

impl Line {
    /// The one that is compared.
    pub fn compared(name: &str, laps: &[Lap]) -> Self {
        Self::of(name, laps, |lap| Some(lap.rate))
    }

    /// One it is compared with, by `rate`.
    pub fn rival(name: &str, aim: Option<f64>, laps: &[Paired], rate: impl Fn(&Lap) -> Option<f64>) -> Self {
        let ratios = laps.iter().filter_map(|paired| Some(paired.beside / rate(&paired.lap)?)).collect();
        let laps: Vec<_> = laps.iter().map(|paired| paired.lap).collect();
        Self { ratio: Some(Figure::of(ratios)), aim, ..Self::of(name, &laps, rate) }
    }

    fn of(name: &str, laps: &[Lap], rate: impl Fn(&Lap) -> Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            ratio: None,
            aim: None,
            rate: Figure::of(laps.iter().filter_map(rate).collect()),
            p50: Figure::of(laps.iter().map(|lap| lap.p50).collect()),
            p99: Figure::of(laps.iter().map(|lap| lap.p99).collect()),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        writeln!(
            f,
            "| server | {} is so many times as quick | aim | decisions per CPU-second | p50 | p99 |",
            self.compared
        )?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for Line { name, ratio, aim, rate, p50, p99 } in &self.lines {
            let ratio = ratio.map_or(String::new(), |ratio| ratio.whole_range());
            let aim = aim.map_or(String::new(), |aim| format!("{aim}"));
            let (rate, p50, p99) = (thousands(rate.median), millis(p50.median), millis(p99.median));
            writeln!(f, "| {name} | {ratio} | {aim} | {rate} | {p50} | {p99} |")?;
        }
        Ok(())
    }
}

/// A whole number with its thousands apart.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn millis(micros: f64) -> String {
    format!("{:.2} ms", micros / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lap(rate: f64) -> Lap {
        Lap { rate, rate_with_database: Some(rate / 2.0), p50: 250.0, p99: 1000.0 }
    }

    #[test]
    fn ratios_are_of_a_lap_to_what_ran_beside_it() {
        let own = [lap(3000.0), lap(4000.0), lap(1000.0)];
        let paired = |beside, rate| Paired { beside, lap: lap(rate) };
        let other = [paired(3000.0, 1000.0), paired(4000.0, 1000.0), paired(1000.0, 500.0)];
        let lines = vec![
            Line::compared("Claviger", &own),
            Line::rival("other", Some(2.5), &other, |lap| Some(lap.rate)),
            Line::rival("other, all in", None, &other, |lap| lap.rate_with_database),
        ];
        let table = Table { title: "A race".into(), compared: "Claviger".into(), lines };
        assert_eq!(
            table.to_string(),
            "### A race\n\n\
             | server | Claviger is so many times as quick | aim | decisions per CPU-second | p50 | p99 |\n\
             |---|---|---|---|---|---|\n\
             | Claviger |  |  | 3,000 | 0.25 ms | 1.00 ms |\n\
             | other | 3.00 (2.00–4.00) | 2.5 | 1,000 | 0.25 ms | 1.00 ms |\n\
             | other, all in | 6.00 (4.00–8.00) |  | 500 | 0.25 ms | 1.00 ms |\n"
        );
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0.4, 999.0, 1000.0, 1_234_567.0].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
